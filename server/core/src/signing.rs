//! What access tokens and short-lived tokens are signed with (JWT, RFC 7519), and how that is replaced.
//!
//! The first key is the one of the settings. Whoever replaces it makes one that is in the database, sealed, so that all
//! nodes have the same; each token names its key (`kid`, RFC 7515 section 4.1.4). A key that was replaced signs nothing, and
//! is good for checking as long as what it has signed may live. A name is looked up among the keys in memory: it is no file,
//! no statement and no address.

use crate::{
    Administrator, CoreError, Result, Secret,
    audit::Entry,
    sealing::Sealer,
    store::{Store, now, rows::signing_keys as rows},
};
use chrono::TimeDelta;
use domain::{AuditKind, SigningKey, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use rand::RngCore;
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, OnConflict},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use uuid::Uuid;

/// What the key of the settings is called. Tokens that name none are of a version that knew no other.
const OF_SETTINGS: &str = "settings";

/// After this long the keys are read again before one of them is used: so long another process may not know that one was
/// replaced.
const FRESH: Duration = Duration::from_secs(5);

/// A name that is not known is looked for in the database, but no more often than this.
const AGAIN: Duration = Duration::from_secs(1);

/// What a token may live longer than its key by: nodes' clocks differ.
const SLACK: TimeDelta = TimeDelta::seconds(60);

/// How many replaced keys are good for checking; beyond it the oldest are not.
const MOST_RETIRED: usize = 16;

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signed {
    /// Access tokens of the API.
    Access,
    /// Short-lived tokens of telephones.
    Telephone,
}

impl Signed {
    /// The longest life of one.
    pub(crate) const fn life(self) -> TimeDelta {
        match self {
            Self::Access => TimeDelta::minutes(15),
            Self::Telephone => TimeDelta::days(1),
        }
    }
}

/// Why a token is not good.
#[derive(Debug)]
pub(crate) enum Unchecked {
    /// It is none of ours.
    Wrong,
    /// Its time is over.
    Expired,
    /// The keys cannot be read.
    Unavailable(CoreError),
}

/// What signs and checks.
pub struct SigningKeys {
    store: Store,
    sealer: Sealer,
    of_settings: Arc<Key>,
    ring: Mutex<Option<Arc<Ring>>>,
    /// When a name that was not known was looked for.
    missed_at: Mutex<Option<Instant>>,
    /// One at a time reads the keys; the others find them read.
    turn: tokio::sync::Mutex<()>,
}

struct Key {
    sign: EncodingKey,
    check: DecodingKey,
}

/// All keys, as they were read.
struct Ring {
    read_at: Instant,
    keys: Vec<Held>,
}

struct Held {
    id: String,
    /// `None`: it was sealed with another `sealing_key`.
    key: Option<Arc<Key>>,
    created_at: Option<Timestamp>,
    retired_at: Option<Timestamp>,
    revoked: bool,
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeys").finish_non_exhaustive()
    }
}

impl Key {
    fn new(secret: &[u8]) -> Arc<Self> {
        Arc::new(Self { sign: EncodingKey::from_secret(secret), check: DecodingKey::from_secret(secret) })
    }
}

impl Held {
    /// Until when it is good for checking these; `None`: for ever.
    fn until(&self, what: Signed) -> Option<Timestamp> {
        let retired_at = self.retired_at?;
        Some(if self.revoked { retired_at } else { retired_at + what.life() + SLACK })
    }

    fn checks(&self, what: Signed) -> bool {
        self.until(what).is_none_or(|until| now() < until)
    }
}

impl Ring {
    /// The newest that was not replaced.
    fn current(&self) -> Option<&Held> {
        self.keys.iter().rev().find(|held| held.retired_at.is_none())
    }

    fn find(&self, id: &str) -> Option<&Held> {
        self.keys.iter().find(|held| held.id == id)
    }
}

impl SigningKeys {
    pub(crate) fn new(store: Store, secret: &Secret, sealer: Sealer) -> Self {
        Self {
            store,
            sealer,
            of_settings: Key::new(secret.expose()),
            ring: Mutex::default(),
            missed_at: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// `Unavailable` when the key cannot be read.
    pub(crate) async fn sign(&self, claims: &impl Serialize) -> Result<String> {
        // Always as the database has it: what was replaced a moment ago, at another node, must sign nothing more.
        let ring = self.read(Duration::ZERO).await?;
        let held = ring.current().ok_or_else(|| CoreError::Internal("there is no key that signs".into()))?;
        let key = held.key.as_ref().ok_or_else(|| {
            CoreError::Unavailable(format!(
                "the signing key {} was sealed with another key; set sealing_key to that one, or replace the signing key \
                 with `switchboard keys rotate`",
                held.id
            ))
        })?;
        let header = Header { kid: Some(held.id.clone()), ..Header::new(Algorithm::HS256) };
        jsonwebtoken::encode(&header, claims, &key.sign)
            .map_err(|error| CoreError::Internal(format!("signing a token: {error}")))
    }

    /// What a token claims that one of our keys has signed.
    pub(crate) async fn check<C: DeserializeOwned>(
        &self,
        token: &str,
        validation: &Validation,
        what: Signed,
    ) -> Result<C, Unchecked> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Unchecked::Wrong)?;
        let id = header.kid.as_deref().unwrap_or(OF_SETTINGS);
        let mut ring = self.read(FRESH).await.map_err(Unchecked::Unavailable)?;
        if ring.find(id).is_none() && self.may_look_again() {
            // Perhaps another process has made it since.
            ring = self.read(Duration::ZERO).await.map_err(Unchecked::Unavailable)?;
        }
        let held = ring.find(id).filter(|held| held.checks(what)).ok_or(Unchecked::Wrong)?;
        let key = held.key.as_ref().ok_or(Unchecked::Wrong)?;
        match jsonwebtoken::decode::<C>(token, &key.check, validation) {
            Ok(read) => Ok(read.claims),
            Err(error) if *error.kind() == ErrorKind::ExpiredSignature => Err(Unchecked::Expired),
            Err(_) => Err(Unchecked::Wrong),
        }
    }

    /// All keys that are good for something, the one that signs first.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn list(&self, _: &Administrator) -> Result<Vec<SigningKey>> {
        let ring = self.read(Duration::ZERO).await?;
        let shown = ring.keys.iter().rev().filter(|held| held.checks(Signed::Telephone)).map(|held| SigningKey {
            id: held.id.clone(),
            created_at: held.created_at,
            retired_at: held.retired_at,
            access_until: held.until(Signed::Access),
            telephones_until: held.until(Signed::Telephone),
        });
        Ok(shown.collect())
    }

    /// Makes a new key, which signs from now on. What the old ones have signed is good as long as it would have been, or,
    /// `at_once`, no more: every program has to refresh its session, and telephones with a short-lived token that come
    /// anew need another.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn rotate(&self, admin: &Administrator, at_once: bool) -> Result<Vec<SigningKey>> {
        let (id, moment) = (Uuid::now_v7().to_string(), now());
        let mut secret = [0_u8; 32];
        rand::rng().fill_bytes(&mut secret);
        let sealed = self.sealer.seal(id.as_bytes(), &secret)?;
        let write = self.store.write_sealed().await?;
        let of_settings = row(OF_SETTINGS, None, moment);
        let keep = OnConflict::column(rows::Column::Id).do_nothing().to_owned();
        rows::Entity::insert(of_settings).on_conflict(keep).exec_without_returning(&write.tx).await?;
        rows::Entity::update_many()
            .col_expr(rows::Column::RetiredAt, Expr::value(moment))
            .filter(rows::Column::RetiredAt.is_null())
            .exec(&write.tx)
            .await?;
        if at_once {
            rows::Entity::update_many().col_expr(rows::Column::Revoked, true.into()).exec(&write.tx).await?;
        }
        row(&id, Some(sealed), moment).insert(&write.tx).await?;
        let how =
            if at_once { "what the old one has signed has ended" } else { "what the old one has signed runs out" };
        Entry::by(admin, AuditKind::SigningKeyRotated).with(how).write(&write.tx).await?;
        write.commit().await?;
        tracing::info!(key = id, at_once, "access tokens are signed with another key");
        self.list(admin).await
    }

    /// Removes keys that are good for nothing any more; how many.
    pub(crate) async fn purge(&self) -> Result<u64> {
        let write = self.store.write().await?;
        let purged = rows::Entity::delete_many()
            .filter(rows::Column::RetiredAt.lt(now() - Signed::Telephone.life() - SLACK))
            // That one would be good again if nobody knew that it was replaced.
            .filter(rows::Column::Id.ne(OF_SETTINGS))
            .exec(&write.tx)
            .await?;
        write.commit().await?;
        Ok(purged.rows_affected)
    }

    /// The keys, read at most this long ago. While the database is away, those that are known.
    async fn read(&self, age: Duration) -> Result<Arc<Ring>> {
        let asked = Instant::now();
        if let Some(ring) = self.known().filter(|ring| ring.read_at.elapsed() < age) {
            return Ok(ring);
        }
        let _turn = self.turn.lock().await;
        let known = self.known();
        if let Some(ring) = known.as_ref().filter(|ring| ring.read_at >= asked) {
            return Ok(Arc::clone(ring));
        }
        match self.read_now().await {
            Ok(ring) => {
                let ring = Arc::new(ring);
                *self.ring.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&ring));
                Ok(ring)
            }
            Err(error) if age.is_zero() => Err(error),
            Err(error) => known.ok_or(error),
        }
    }

    /// Whether it is time to look for a name that is not known: strangers make up as many as they want.
    fn may_look_again(&self) -> bool {
        let mut missed_at = self.missed_at.lock().unwrap_or_else(PoisonError::into_inner);
        let may = missed_at.is_none_or(|at| at.elapsed() >= AGAIN);
        if may {
            *missed_at = Some(Instant::now());
        }
        may
    }

    fn known(&self) -> Option<Arc<Ring>> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn read_now(&self) -> Result<Ring> {
        let read_at = Instant::now();
        let found = rows::Entity::find()
            .order_by_asc(rows::Column::CreatedAt)
            .order_by_asc(rows::Column::Id)
            .all(self.store.read())
            .await?;
        let mut keys: Vec<Held> = found.into_iter().map(|row| self.held(row)).collect();
        // It was written down together with the one that replaced it, and is older than all.
        keys.sort_by_key(|held| held.id != OF_SETTINGS);
        if keys.is_empty() {
            keys.push(Held {
                id: OF_SETTINGS.into(),
                key: Some(Arc::clone(&self.of_settings)),
                created_at: None,
                retired_at: None,
                revoked: false,
            });
        }
        // Who rotates all the time keeps no more than that.
        let retired = keys.iter().filter(|held| held.retired_at.is_some()).count();
        let mut surplus = retired.saturating_sub(MOST_RETIRED);
        keys.retain(|held| {
            let is_surplus = surplus > 0 && held.retired_at.is_some();
            surplus -= usize::from(is_surplus);
            !is_surplus
        });
        Ok(Ring { read_at, keys })
    }

    fn held(&self, row: rows::Model) -> Held {
        let (key, created_at) = match &row.sealed {
            None if row.id == OF_SETTINGS => (Some(Arc::clone(&self.of_settings)), None),
            sealed => {
                let opened = sealed.as_ref().and_then(|sealed| self.sealer.open(row.id.as_bytes(), sealed));
                (opened.map(|secret| Key::new(&secret)), Some(row.created_at))
            }
        };
        Held { id: row.id, key, created_at, retired_at: row.retired_at, revoked: row.revoked }
    }
}

fn row(id: &str, sealed: Option<Vec<u8>>, moment: Timestamp) -> rows::ActiveModel {
    rows::ActiveModel {
        id: Set(id.into()),
        sealed: Set(sealed),
        created_at: Set(moment),
        retired_at: Set(None),
        revoked: Set(false),
    }
}
