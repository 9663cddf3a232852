//! Passwords: what is accepted, and argon2id (RFC 9106) with the parameters of OWASP's password storage cheat sheet.

use crate::{CoreError, Result};
use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher, PasswordVerifier, Version,
    password_hash::{self, Output, ParamsString, SaltString},
};
use domain::Email;
use rand::RngCore;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;
use zxcvbn::{Score, zxcvbn};

/// NIST SP 800-63B-4 section 3.1.1.2 and OWASP ASVS 6.2.1.
const MIN_CHARACTERS: usize = 8;
const MAX_CHARACTERS: usize = 128;
/// A million guesses: more than anybody makes while attempts are slowed down. What is guessed first is known from 30,000
/// common passwords, names, words and patterns (D. L. Wheeler, "zxcvbn: Low-Budget Password Strength Estimation", 2016).
const WEAKEST: Score = Score::Two;

/// How many hashes may wait for a core. Each takes some 20 ms, so the last of them waits about half a second.
const MAX_WAITING: usize = 64;

/// How much of a password is judged at a time, characters. Letters that figures stand for are tried in all combinations,
/// which takes 12 ms for 16 characters that are all meant to, 140 for 32 and two seconds for 100.
const JUDGED: usize = 16;

/// Refuses a password that is too short, too long or the first that anybody would try. Takes as long as a hash.
fn check(password: &str, email: &Email) -> Result<()> {
    if password.to_lowercase() == email.as_str() {
        return Err(CoreError::invalid("password", "the password must differ from the e-mail address"));
    }
    let known: Vec<_> = email.as_str().split('@').chain([email.as_str(), "switchboard", "telephone"]).collect();
    let characters: Vec<char> = password.chars().collect();
    // Of a long one either end may be what makes it hard to guess.
    let ends = [&characters[..characters.len().min(JUDGED)], &characters[characters.len().saturating_sub(JUDGED)..]];
    let hard = |end: &[char]| zxcvbn(&end.iter().collect::<String>(), &known).score() >= WEAKEST;
    if !ends.into_iter().any(hard) {
        let problem = "this password is among the first that others try; use another, such as a few words that do not \
                       belong together";
        return Err(CoreError::invalid("password", problem));
    }
    Ok(())
}

fn check_length(password: &str) -> Result<()> {
    let length = password.chars().count();
    if length < MIN_CHARACTERS {
        return Err(CoreError::invalid("password", format!("use at least {MIN_CHARACTERS} characters")));
    }
    if length > MAX_CHARACTERS {
        return Err(CoreError::invalid("password", format!("use at most {MAX_CHARACTERS} characters")));
    }
    Ok(())
}

/// Hashes and verifies on as many threads as there are cores, and lets only so many wait.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    cores: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    /// How many were computed: what somebody who measures times would measure.
    computed: Arc<AtomicU64>,
    /// A hash that no password has, so that an unknown account takes as long as a known one.
    nobody: Arc<str>,
}

/// What became of a verification.
pub(crate) enum Verified {
    /// The password is right; `Some`: and should be stored with this new hash, because the parameters changed.
    Right(Option<String>),
    /// The password is wrong, or there is no such account.
    Wrong,
}

impl Passwords {
    pub(crate) fn new() -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            cores: Arc::new(Semaphore::new(cores)),
            waiting: Arc::default(),
            computed: Arc::default(),
            nobody: nobody()?.into(),
        })
    }

    /// The hash of what is to be an account's password.
    ///
    /// # Errors
    /// `Invalid` for `password` when it is too short, too long or easily guessed; `Throttled`.
    pub(crate) async fn accept(&self, password: &str, email: &Email) -> Result<String> {
        check_length(password)?;
        let (password, email) = (password.to_owned(), email.clone());
        self.on_a_core(move |computed| check(&password, &email).and_then(|()| hash(&password, computed))).await?
    }

    pub(crate) async fn hash(&self, password: &str) -> Result<String> {
        let password = password.to_owned();
        self.on_a_core(move |computed| hash(&password, computed)).await?
    }

    /// How many hashes were computed since the start.
    pub(crate) fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }

    /// Verifies against the hash of an account. Where there is no account, or it has no password (the empty hash), it waits in
    /// the same queue and computes the same hash in vain.
    pub(crate) async fn verify(&self, password: &str, stored: Option<&str>) -> Result<Verified> {
        // What cannot have been accepted is not worth a core, whatever the account.
        if password.chars().count() > MAX_CHARACTERS {
            return Ok(Verified::Wrong);
        }
        let stored = stored.filter(|stored| !stored.is_empty());
        let (password, known) = (password.to_owned(), stored.is_some());
        let stored = stored.unwrap_or(&self.nobody).to_owned();
        let verified = self.on_a_core(move |computed| verify(&password, &stored, computed)).await??;
        Ok(if known { verified } else { Verified::Wrong })
    }

    async fn on_a_core<T: Send + 'static>(&self, work: impl FnOnce(&AtomicU64) -> T + Send + 'static) -> Result<T> {
        let _place = Place::take(&self.waiting).ok_or(CoreError::Throttled { retry_after: Duration::from_secs(1) })?;
        let permit = Arc::clone(&self.cores)
            .acquire_owned()
            .await
            .map_err(|error| CoreError::Internal(format!("password pool: {error}")))?;
        let computed = Arc::clone(&self.computed);
        tokio::task::spawn_blocking(move || {
            // Kept by the thread: when the one who asked goes away, the core is still busy.
            let _permit = permit;
            work(&computed)
        })
        .await
        .map_err(|error| CoreError::Internal(format!("password pool: {error}")))
    }
}

/// A place among those who wait.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        // The place is given back by `drop` either way.
        (waiting.fetch_add(1, Ordering::Relaxed) < MAX_WAITING).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let parameters =
        Params::new(19_456, 2, 1, None).map_err(|error| CoreError::Internal(format!("argon2: {error}")))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

fn failed(error: password_hash::Error) -> CoreError {
    CoreError::Internal(format!("argon2: {error}"))
}

fn salt() -> Result<SaltString> {
    let mut salt = [0_u8; 16];
    rand::rng().fill_bytes(&mut salt);
    SaltString::encode_b64(&salt).map_err(failed)
}

fn hash(password: &str, computed: &AtomicU64) -> Result<String> {
    computed.fetch_add(1, Ordering::Relaxed);
    Ok(argon2()?.hash_password(password.as_bytes(), &salt()?).map_err(failed)?.to_string())
}

/// What looks like the hash of a password, and is random. Nothing is computed for it: the 19 MiB that takes would be used again
/// before they go back to the system, here and there, by what is made when a server starts.
fn nobody() -> Result<String> {
    let (argon2, salt) = (argon2()?, salt()?);
    let mut output = [0_u8; Params::DEFAULT_OUTPUT_LEN];
    rand::rng().fill_bytes(&mut output);
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params()).map_err(failed)?,
        salt: Some(salt.as_salt()),
        hash: Some(Output::new(&output).map_err(failed)?),
    };
    Ok(hash.to_string())
}

fn verify(password: &str, stored: &str, computed: &AtomicU64) -> Result<Verified> {
    let argon2 = argon2()?;
    let unreadable = |error| CoreError::Internal(format!("a stored password hash: {error}"));
    let parsed = PasswordHash::new(stored).map_err(unreadable)?;
    computed.fetch_add(1, Ordering::Relaxed);
    // Verifies with the parameters that the hash names.
    match argon2.verify_password(password.as_bytes(), &parsed) {
        Ok(()) => {
            let current = Params::try_from(&parsed).is_ok_and(|stored| {
                stored.m_cost() == argon2.params().m_cost()
                    && stored.t_cost() == argon2.params().t_cost()
                    && stored.p_cost() == argon2.params().p_cost()
            });
            Ok(Verified::Right(if current { None } else { Some(hash(password, computed)?) }))
        }
        Err(password_hash::Error::Password) => Ok(Verified::Wrong),
        Err(error) => Err(unreadable(error)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[tokio::test]
    async fn weak_passwords_are_refused() {
        let passwords = Passwords::new().unwrap();
        let email: Email = "somebody@example.com".parse().unwrap();
        let (repeated, long) = ("äö".repeat(64), "x".repeat(129));
        for password in [
            "",
            "7 chars",
            "password",
            "Passw0rd!",
            "qwertyuiop",
            "12345678910",
            "aaaaaaaaaaaa",
            "switchboard1",
            "somebody1",
            "Somebody@example.com",
            "passwordpassword",
            &repeated,
            &long,
        ] {
            assert!(matches!(passwords.accept(password, &email).await, Err(CoreError::Invalid { .. })), "{password:?}");
        }
        for password in [
            "8 chars!",
            "kqzvhtnw",
            "correct horse",
            "Bär und Söhne, links",
            "passwordpassword but only so far",
            &"kqzvhtnw, many words. ".repeat(5),
        ] {
            assert!(passwords.accept(password, &email).await.is_ok(), "{password:?}");
        }
    }

    #[tokio::test]
    async fn a_hash_with_older_parameters_is_renewed() {
        let passwords = Passwords::new().unwrap();
        let salt = SaltString::encode_b64(&[7; 16]).unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8_192, 1, 1, None).unwrap());
        let old = weak.hash_password(b"correct horse", &salt).unwrap().to_string();
        let Verified::Right(Some(renewed)) = passwords.verify("correct horse", Some(&old)).await.unwrap() else {
            panic!("not renewed");
        };
        assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
        assert!(matches!(passwords.verify("correct horse", Some(&renewed)).await, Ok(Verified::Right(None))));
        assert!(matches!(passwords.verify("incorrect horse", Some(&renewed)).await, Ok(Verified::Wrong)));
        assert!(matches!(passwords.verify("nobody's password", None).await, Ok(Verified::Wrong)));
    }

    #[test]
    fn nobodys_hash_takes_as_long_as_one_of_today() {
        let (nobody, real) = (nobody().unwrap(), hash("correct horse", &AtomicU64::new(0)).unwrap());
        let [nobody, real] = [&nobody, &real].map(|text| PasswordHash::new(text).unwrap());
        assert_eq!((nobody.algorithm, nobody.version, &nobody.params), (real.algorithm, real.version, &real.params));
        assert_eq!(nobody.hash.unwrap().len(), real.hash.unwrap().len());
    }

    #[tokio::test]
    async fn who_has_no_account_or_no_password_costs_one_hash_too() {
        let passwords = Passwords::new().unwrap();
        let stored = passwords.hash("correct horse").await.unwrap();
        for stored in [Some(stored.as_str()), Some(""), None] {
            let before = passwords.computed();
            assert!(matches!(passwords.verify("nobody's password", stored).await, Ok(Verified::Wrong)), "{stored:?}");
            assert_eq!(passwords.computed() - before, 1, "{stored:?}");
        }
        let before = passwords.computed();
        let long = "x".repeat(MAX_CHARACTERS + 1);
        for stored in [Some(stored.as_str()), None] {
            assert!(matches!(passwords.verify(&long, stored).await, Ok(Verified::Wrong)));
        }
        assert_eq!(passwords.computed(), before, "too long for any account");
    }
}
