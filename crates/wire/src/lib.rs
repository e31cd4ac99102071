//! Bytes to meaning: frames to packets, flows, streams, and what was said in them. Sans-I/O: no socket, no file, no clock.
//!
//! The way through: [`engine::Engine::packet`] takes a [`packet::RawPacket`], decodes it, finds its flow, puts TCP streams in
//! order, asks the probes of [`parse::PROTOCOLS`] which protocol it is, and tells a [`sink::Sink`] what was said.

pub mod engine;
pub mod facts;
pub mod packet;
pub mod parse;
pub mod proto;
pub mod secret;
pub mod sink;
