//! What the server needs to let somebody in who comes by another way than a form: from a provider of sign-ins.

pub use crate::actions::{let_in, refusal};
