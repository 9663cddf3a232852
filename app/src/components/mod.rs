//! Parts that several pages are made of, rendered on the server.

pub mod alert;
pub mod breakdown;
pub mod charts;
pub mod choice;
pub mod command;
pub mod confirm;
pub mod field;
pub mod figure;
pub mod followed;
pub mod form;
pub mod handed;
pub mod health;
pub mod icon;
pub mod layout;
pub mod notice;
pub mod pager;
pub mod proof;
pub mod provider;
pub mod qr;
pub mod second_factor;
pub mod signed_in;
pub mod switching;
pub mod target;
pub mod theme_switch;
pub mod way;
pub mod words;
