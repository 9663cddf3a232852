//! Making and changing alerts.

use super::{
    Alerts,
    rows::{find, spec_of, to_alert},
};
use crate::{
    CoreError, Expected, Listing, Page, Result, ServiceRef, Services, SigningSecret, Viewer,
    audit::Entry,
    auth::random_base64,
    expected::later_than,
    page,
    store::{
        Vault, Write, now,
        rows::alerts::{self, Column, Entity},
    },
};
use domain::{Alert, AlertId, AlertPatch, AlertSpec, AuditKind, TunnelStatus};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect,
};
use uuid::Uuid;

/// How many alerts a user may have.
const MAX_PER_USER: u64 = 50;
/// The longest time that a state may have to last, seconds.
const LONGEST: u32 = 86_400;
/// The longest latency that can be a limit, milliseconds.
const MAX_LATENCY_MS: f64 = 3_600_000.0;
/// What secrets begin with, so that they are recognised where they do not belong.
const PREFIX: &str = "sbw_";

impl Alerts {
    /// The viewer's own alerts, newest first.
    ///
    /// # Errors
    /// `Invalid` for `limit` and `cursor`.
    pub async fn list(&self, viewer: &Viewer, page: Page) -> Result<Listing<Alert>> {
        let limit = page.limit()?;
        let mut query = Entity::find().filter(Column::OwnerId.eq(viewer.id().0)).filter(Column::DeletedAt.is_null());
        if let Some(after) = page.after::<Uuid>()? {
            query = query.filter(Column::Id.lt(after));
        }
        let mut rows = query.order_by_desc(Column::Id).limit(limit as u64 + 1).all(self.0.store.read()).await?;
        let next_cursor = page::cut(&mut rows, limit, |row| row.id)?;
        Ok(Listing {
            items: rows
                .iter()
                .map(|row| Ok(self.with_present(to_alert(row, self.0.store.vault())?)))
                .collect::<Result<_>>()?,
            next_cursor,
        })
    }

    /// One of the viewer's own alerts.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's.
    pub async fn get(&self, viewer: &Viewer, id: AlertId) -> Result<Alert> {
        Ok(self.with_present(to_alert(&find(self.0.store.read(), viewer, id).await?, self.0.store.vault())?))
    }

    /// Deletes an alert. What it has told stays in the history.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's; `Changed` when it is not as expected.
    pub async fn delete(&self, viewer: &Viewer, id: AlertId, expected: &Expected) -> Result<()> {
        let write = self.0.store.write().await?;
        let row = find(&write.tx, viewer, id).await?;
        expected.check(row.updated_at)?;
        let mut row = row.into_active_model();
        row.deleted_at = Set(Some(now()));
        // Nobody signs with it any more.
        row.secret = Set(None);
        row.update(&write.tx).await?;
        write.commit().await?;
        self.0.changed.notify_one();
        Ok(())
    }

    /// Gives a webhook's alert a new secret; notices are signed with it from now on.
    ///
    /// # Errors
    /// `NotFound`, also when it is someone else's; `Conflict` when its notices go by e-mail.
    pub async fn rotate(&self, viewer: &Viewer, id: AlertId) -> Result<(Alert, SigningSecret)> {
        let secret = new_secret();
        let write = self.0.store.write_sealed().await?;
        let row = find(&write.tx, viewer, id).await?;
        if row.webhook.is_none() {
            let message = "notices of this alert go by e-mail, which is not signed";
            return Err(CoreError::conflict("no_webhook", message));
        }
        let mut row = row.into_active_model();
        row.secret = Set(Some(self.sealed(id.0, &secret)?));
        let row = row.update(&write.tx).await?;
        Entry::by(viewer, AuditKind::WebhookKeyRotated).with(&row.name).write(&write.tx).await?;
        write.commit().await?;
        Ok((self.with_present(to_alert(&row, self.0.store.vault())?), secret))
    }

    /// Keeps a new secret in memory for the page that shows it once, for at most ten minutes.
    pub fn keep_for_reveal(&self, viewer: &Viewer, id: AlertId, secret: SigningSecret) {
        self.0.reveals.keep((viewer.id(), id.0), secret);
    }

    /// The secret kept for this page, once.
    pub fn reveal(&self, viewer: &Viewer, id: AlertId) -> Option<SigningSecret> {
        self.0.reveals.take((viewer.id(), id.0))
    }

    fn sealed(&self, id: Uuid, secret: &SigningSecret) -> Result<String> {
        self.0.store.vault().seal(&Vault::key_of(id), secret.expose())
    }

    /// For writing an alert, of which a webhook is sealed.
    async fn begin(&self, has_webhook: bool) -> Result<Write<'_>> {
        if has_webhook { self.0.store.write_sealed().await } else { self.0.store.write().await }
    }

    async fn insert(&self, viewer: &Viewer, spec: AlertSpec) -> Result<(Alert, Option<SigningSecret>)> {
        let secret = spec.webhook.is_some().then(new_secret);
        let (moment, id, vault) = (now(), Uuid::now_v7(), self.0.store.vault());
        let seal_address = |webhook: String| vault.seal(&Vault::address_of(id), &webhook);
        let row = alerts::Model {
            id,
            owner_id: viewer.id().0,
            name: spec.name.into(),
            kind: spec.kind.as_str().into(),
            tunnel_id: spec.tunnel_id.map(|id| id.0),
            service_id: spec.service_id.map(|id| id.0),
            limit_value: spec.limit,
            for_seconds: spec.for_seconds.min(LONGEST).cast_signed(),
            webhook: spec.webhook.map(|webhook| seal_address(webhook.into())).transpose()?,
            secret: secret.as_ref().map(|secret| self.sealed(id, secret)).transpose()?,
            email: spec.email.map(Into::into),
            enabled: spec.enabled,
            created_at: moment,
            updated_at: moment,
            deleted_at: None,
        };
        let write = self.begin(row.webhook.is_some()).await?;
        let owned = Entity::find()
            .filter(Column::OwnerId.eq(viewer.id().0))
            .filter(Column::DeletedAt.is_null())
            .count(&write.tx)
            .await?;
        if owned >= MAX_PER_USER {
            let message = format!("you have {owned} alerts, which is the limit; delete one that is not needed");
            return Err(CoreError::conflict("alert_limit", message));
        }
        let row = row.into_active_model().reset_all().insert(&write.tx).await?;
        write.commit().await?;
        self.0.changed.notify_one();
        Ok((self.with_present(to_alert(&row, self.0.store.vault())?), secret))
    }

    async fn change(
        &self,
        viewer: &Viewer,
        id: AlertId,
        spec: AlertSpec,
        expected: &Expected,
    ) -> Result<(Alert, Option<SigningSecret>)> {
        let write = self.begin(spec.webhook.is_some()).await?;
        let row = find(&write.tx, viewer, id).await?;
        expected.check(row.updated_at)?;
        let later = later_than(row.updated_at);
        let secret = (spec.webhook.is_some() && row.secret.is_none()).then(new_secret);
        let kept = row.secret.clone().filter(|_| spec.webhook.is_some());
        let mut row = row.into_active_model();
        row.name = Set(spec.name.into());
        row.tunnel_id = Set(spec.tunnel_id.map(|id| id.0));
        row.service_id = Set(spec.service_id.map(|id| id.0));
        row.limit_value = Set(spec.limit);
        row.for_seconds = Set(spec.for_seconds.min(LONGEST).cast_signed());
        let vault = self.0.store.vault();
        let seal_address = |webhook: String| vault.seal(&Vault::address_of(id.0), &webhook);
        row.webhook = Set(spec.webhook.map(|webhook| seal_address(webhook.into())).transpose()?);
        row.secret = Set(secret.as_ref().map(|secret| self.sealed(id.0, secret)).transpose()?.or(kept));
        row.email = Set(spec.email.map(Into::into));
        row.enabled = Set(spec.enabled);
        row.updated_at = Set(later);
        let row = row.update(&write.tx).await?;
        write.commit().await?;
        self.0.changed.notify_one();
        Ok((self.with_present(to_alert(&row, self.0.store.vault())?), secret))
    }

    /// Whether notices may go there.
    fn check(&self, viewer: &Viewer, spec: &AlertSpec) -> Result<()> {
        match (&spec.webhook, &spec.email) {
            (Some(_), None) | (None, Some(_)) => {}
            _ => return Err(CoreError::invalid("webhook", "give a webhook or an e-mail address, one of the two")),
        }
        if let Some(email) = &spec.email {
            if !self.can_mail() {
                let message = "this server sends no mail; its administrator can set smtp_url and smtp_from";
                return Err(CoreError::conflict("no_mail", message));
            }
            if !viewer.is_admin() && *email != viewer.user().email {
                return Err(CoreError::invalid("email", "notices are mailed to your own address only"));
            }
        }
        if let Some(webhook) = &spec.webhook {
            let address = webhook.parts().map_err(|error| CoreError::invalid("webhook", error))?.0;
            let policy = self.0.outside.policy(viewer.is_admin());
            policy.check_written(&address).map_err(|refused| CoreError::invalid("webhook", refused))?;
        }
        if spec.for_seconds > LONGEST {
            return Err(CoreError::invalid("for_seconds", format!("for_seconds lies between 0 and {LONGEST}")));
        }
        check_subject(spec)?;
        check_limit(spec)
    }
}

impl Services {
    /// Makes an alert. The secret that a webhook's notices are signed with is in the answer and nowhere else.
    ///
    /// # Errors
    /// `Invalid` for what cannot be; `NotFound` for a tunnel or service that is not the viewer's; `no_mail`,
    /// `alert_limit`.
    pub async fn create_alert(&self, viewer: &Viewer, spec: AlertSpec) -> Result<(Alert, Option<SigningSecret>)> {
        self.check_alert(viewer, &spec).await?;
        self.alerts().insert(viewer, spec).await
    }

    /// Changes what the patch names. There is a secret when notices went by e-mail before.
    ///
    /// # Errors
    /// As [`create_alert`](Self::create_alert); `NotFound`, also when it is someone else's; `Changed` when it is not as
    /// expected.
    pub async fn update_alert(
        &self,
        viewer: &Viewer,
        id: AlertId,
        patch: AlertPatch,
        expected: &Expected,
    ) -> Result<(Alert, Option<SigningSecret>)> {
        let mut spec = spec_of(self.alerts().get(viewer, id).await?);
        patch.apply(&mut spec);
        self.check_alert(viewer, &spec).await?;
        self.alerts().change(viewer, id, spec, expected).await
    }

    async fn check_alert(&self, viewer: &Viewer, spec: &AlertSpec) -> Result<()> {
        self.alerts().check(viewer, spec)?;
        if let Some(id) = spec.tunnel_id
            && self.tunnels().get(viewer, id).await?.status == TunnelStatus::Deleted
        {
            return Err(CoreError::NotFound("tunnel"));
        }
        if let Some(id) = spec.service_id
            && self.pools().service(viewer, &ServiceRef::Id(id)).await?.deleted_at.is_some()
        {
            return Err(CoreError::NotFound("service"));
        }
        Ok(())
    }
}

fn check_subject(spec: &AlertSpec) -> Result<()> {
    let (tunnel, service) = (spec.tunnel_id.is_some(), spec.service_id.is_some());
    if tunnel && service {
        return Err(CoreError::invalid("tunnel_id", "an alert is about one tunnel, one service, or all that you have"));
    }
    if tunnel && !spec.kind.is_of_tunnels() {
        return Err(CoreError::invalid("tunnel_id", "backends belong to a service; name one, or none for all"));
    }
    if service && !spec.kind.is_of_services() {
        return Err(CoreError::invalid("service_id", "this kind is about tunnels; name one, or none for all"));
    }
    Ok(())
}

fn check_limit(spec: &AlertSpec) -> Result<()> {
    use domain::AlertKind::{ErrorShare, Latency};
    let wrong = |message: &str| Err(CoreError::invalid("limit", message));
    match (spec.kind, spec.limit) {
        (ErrorShare, Some(limit)) if (0.0..1.0).contains(&limit) => Ok(()),
        (ErrorShare, _) => wrong("give a share from 0 to below 1, such as 0.05 for 5 of 100"),
        (Latency, Some(limit)) if limit > 0.0 && limit <= MAX_LATENCY_MS => Ok(()),
        (Latency, _) => wrong("give a time in milliseconds, above 0 and up to an hour"),
        (_, None) => Ok(()),
        (_, Some(_)) => wrong("this kind of alert has no limit"),
    }
}

fn new_secret() -> SigningSecret {
    SigningSecret::new(format!("{PREFIX}{}", random_base64()))
}
