//! web

pub mod view;
