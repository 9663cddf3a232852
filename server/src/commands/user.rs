//! `switchboard user`

use clap::{Args, Subcommand};
use domain::Role;
use server_core::Services;

use super::{Failure, block_on, open, password};
use crate::config::Config;

/// What can be done to accounts from the command line, without being signed in.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Add an account, whatever the sign-up policy
    Add {
        #[command(flatten)]
        account: Account,
        /// Make the account an administrator, who sees everybody's tunnels
        #[arg(long)]
        admin: bool,
    },
    /// Set an account's password; signs it out everywhere
    Passwd {
        #[command(flatten)]
        account: Account,
    },
    /// Turn an account's second factor off, for whoever has lost it
    DropSecondFactor {
        /// The account's e-mail address
        email: String,
    },
}

/// Whose account, and where the password comes from.
#[derive(Debug, Args)]
pub struct Account {
    /// The account's e-mail address
    email: String,
    /// Read the password from the first line of standard input, without asking
    #[arg(long)]
    password_stdin: bool,
}

pub(super) fn run(command: UserCommand, config: &Config) -> Result<(), Failure> {
    let password = match &command {
        UserCommand::Add { account, .. } | UserCommand::Passwd { account } => password::read(account.password_stdin)?,
        UserCommand::DropSecondFactor { .. } => String::new(),
    };
    block_on(async {
        let services = open::services(config).await?;
        let done = apply(&services, command, &password).await;
        services.close().await;
        println!("{}", done?);
        Ok(())
    })
}

async fn apply(services: &Services, command: UserCommand, password: &str) -> Result<String, Failure> {
    match command {
        UserCommand::Add { account, admin } => {
            let role = if admin { Role::Admin } else { Role::Member };
            let user = services.accounts().add(&account.email, password, role).await?;
            Ok(format!("Added {}{}.", user.email, if admin { ", an administrator" } else { "" }))
        }
        UserCommand::Passwd { account } => {
            services.accounts().set_password(&account.email, password).await?;
            Ok(format!("{} has a new password and is signed out everywhere.", account.email))
        }
        UserCommand::DropSecondFactor { email } => {
            services.accounts().drop_second_factor(&email).await?;
            Ok(format!("{email} signs in with the password alone."))
        }
    }
}
