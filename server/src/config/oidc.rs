//! By which provider people sign in.

use domain::Hostname;
use server_core::{OidcSettings, OidcSignUp, Secret};
use std::net::IpAddr;
use url::{Host, Url};

use super::{parse, reader::Reader, setting};

/// The longest issuer and client id, bytes.
const LONGEST: usize = 500;
/// The longest name, characters.
const LONGEST_NAME: usize = 40;
/// The most domains.
const MOST_DOMAINS: usize = 50;

/// An OpenID Connect provider, and what this server is to it.
#[derive(Debug, Clone)]
pub struct Oidc {
    /// `oidc_issuer`: how it names itself, as it was written, since that is compared letter by letter.
    pub issuer: String,
    /// `oidc_client_id`: what this server is called there.
    pub client_id: String,
    /// `oidc_client_secret`: how this server shows there that it is itself; `None`: it does not.
    pub client_secret: Option<Secret>,
    /// `oidc_name`: what people call it.
    pub name: String,
    /// `oidc_sign_up`: who gets an account by it.
    pub sign_up: OidcSignUp,
}

impl Oidc {
    pub(super) fn read(reader: &mut Reader) -> Option<Self> {
        let client_id = reader.take_optional(&setting::OIDC_CLIENT_ID, client_id);
        let client_secret = reader.take_optional(&setting::OIDC_CLIENT_SECRET, |text| Ok(Secret::new(text)));
        let name = reader.take_optional(&setting::OIDC_NAME, name);
        let sign_up = reader.take(&setting::OIDC_SIGN_UP, sign_up, OidcSignUp::default());
        let issuer = reader.take_optional(&setting::OIDC_ISSUER, issuer);
        match (issuer, client_id) {
            (Some((issuer, host)), Some(client_id)) => {
                let name = name.unwrap_or(host);
                Some(Self { issuer, client_id, client_secret, name, sign_up })
            }
            (Some(_), None) => {
                let problem = "say with oidc_client_id what this server is called at the provider";
                reader.refuse(&setting::OIDC_ISSUER, problem.to_owned());
                None
            }
            (None, Some(_)) => {
                reader.refuse(&setting::OIDC_CLIENT_ID, "say with oidc_issuer which provider that is for".to_owned());
                None
            }
            (None, None) => None,
        }
    }

    /// What the services need to know of it.
    pub(super) fn for_services(&self) -> OidcSettings {
        OidcSettings { name: self.name.clone(), issuer: self.issuer.clone(), sign_up: self.sign_up.clone() }
    }
}

/// The text as it is, and the host in it.
fn issuer(text: &str) -> Result<(String, String), String> {
    let example = "write it as the provider's /.well-known/openid-configuration does, such as https://id.example.com";
    let url = Url::parse(text).map_err(|error| format!("{text:?} is not a URL ({error}); {example}"))?;
    let Some(host) = url.host() else { return Err(format!("{text:?} names no host; {example}")) };
    let here = match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(ip) => IpAddr::from(ip).is_loopback(),
        Host::Ipv6(ip) => IpAddr::from(ip).is_loopback(),
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && here) {
        return Err(format!("an issuer is reached by https, unless it is on this machine; {example}"));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(format!("an issuer has neither a query nor a password; {example}"));
    }
    if text.len() > LONGEST {
        return Err(format!("an issuer has at most {LONGEST} characters"));
    }
    Ok((text.to_owned(), host.to_string()))
}

fn client_id(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > LONGEST || text.chars().any(char::is_control) {
        return Err(format!("a client id has 1 to {LONGEST} characters, as the provider shows it"));
    }
    Ok(text.to_owned())
}

fn name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().count() > LONGEST_NAME || text.chars().any(char::is_control) {
        return Err(format!("a name has 1 to {LONGEST_NAME} characters, such as Keycloak or Example Ltd"));
    }
    Ok(text.to_owned())
}

fn sign_up(text: &str) -> Result<OidcSignUp, String> {
    match text {
        "off" => Ok(OidcSignUp::Off),
        "anyone" => Ok(OidcSignUp::Anyone),
        _ => {
            let items = text.split([',', ' ']).filter(|item| !item.is_empty());
            let domains: Vec<Hostname> = items.map(parse::hostname).collect::<Result<_, _>>()?;
            if domains.is_empty() || domains.len() > MOST_DOMAINS {
                return Err(format!("{text:?}: write off, anyone, or 1 to {MOST_DOMAINS} domains of e-mail addresses"));
            }
            Ok(OidcSignUp::Domains(domains))
        }
    }
}
