//! Parts that several pages are made of, rendered on the server.

pub mod charts;
pub mod command;
pub mod confirm;
pub mod field;
pub mod figure;
pub mod form;
pub mod icon;
pub mod layout;
pub mod notice;
pub mod theme_switch;
