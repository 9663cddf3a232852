//! Accounts: set-up, sign-up, sign-in, passwords.

use crate::{Result, Viewer};
use domain::{Role, User, UserId, WebSessionId};
use std::net::IpAddr;

/// Accounts.
#[derive(Debug)]
pub struct Accounts(());

impl Accounts {
    /// Whether there is an account yet.
    pub async fn any_exist(&self) -> Result<bool> {
        todo!()
    }
    /// The one-time code that the first account needs, while there is none and others than this machine reach the server.
    pub fn setup_code(&self) -> Option<String> {
        todo!()
    }
    /// Makes the first account, an administrator.
    pub async fn set_up(&self, _code: Option<&str>, _email: &str, _password: &str) -> Result<Viewer> {
        todo!()
    }
    /// Whether whoever comes may create an account now.
    pub async fn signup_open(&self) -> Result<bool> {
        todo!()
    }
    /// Creates an account as the sign-up policy allows it.
    pub async fn register(&self, _email: &str, _password: &str, _client: IpAddr) -> Result<Viewer> {
        todo!()
    }
    /// Signs in.
    pub async fn sign_in(&self, _email: &str, _password: &str, _client: IpAddr) -> Result<Viewer> {
        todo!()
    }
    /// The user of a web session; `None`: the account is gone.
    pub async fn viewer(&self, _id: UserId) -> Result<Option<Viewer>> {
        todo!()
    }
    /// Changes the password; ends all other sessions.
    pub async fn change_password(
        &self,
        _viewer: &Viewer,
        _current: &str,
        _new: &str,
        _keep: Option<WebSessionId>,
    ) -> Result<()> {
        todo!()
    }
    /// Changes the address that the user signs in with.
    pub async fn change_email(&self, _viewer: &Viewer, _password: &str, _email: &str) -> Result<User> {
        todo!()
    }
    /// Adds an account whatever the sign-up policy says; for whoever runs the server.
    pub async fn add(&self, _email: &str, _password: &str, _role: Role) -> Result<User> {
        todo!()
    }
    /// Sets a password without knowing the old one; for whoever runs the server.
    pub async fn set_password(&self, _email: &str, _password: &str) -> Result<()> {
        todo!()
    }
}
