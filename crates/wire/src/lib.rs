//! Bytes to meaning: frames to packets, flows, streams, and what was said in them. Sans-I/O: no socket, no file, no clock.
//!
//! The way through: [`engine::Engine::packet`] takes a [`packet::RawPacket`], decodes it, finds its flow, puts TCP streams in
//! order, asks the probes of [`parse::PROTOCOLS`] which protocol it is, and tells a [`sink::Sink`] what was said.

pub mod app;
pub mod clock;
pub mod decode;
pub mod engine;
pub mod facts;
pub mod flow;
pub mod frag;
mod hash;
pub mod lane;
pub mod observe;
pub mod packet;
pub mod parse;
pub mod proto;
pub mod secret;
pub mod sink;
pub mod tcp;
pub mod twins;
