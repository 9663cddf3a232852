//! Tunnels.

use super::{expected, finish, refuse, signed_in};
use crate::destination::Destination;
use domain::TunnelId;
use leptos::prelude::*;
use server_core::{CoreError, NewTunnel, TunnelPatch};

fn list() -> Destination {
    Destination::page("/web/tunnels")
}

/// The page of a tunnel.
fn page(id: TunnelId) -> Destination {
    Destination::page(format!("/web/tunnels/{id}"))
}

fn filled(text: &str) -> Option<String> {
    Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn lines(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Reserves a tunnel before a telephone is there.
#[server(name = CreateTunnel, prefix = "/web/action", endpoint = "create_tunnel")]
pub async fn create_tunnel(
    #[server(default)] name: String,
    #[server(default)] subdomain: String,
) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&list()) else { return Ok(()) };
    let new = NewTunnel { name: filled(&name), subdomain: filled(&subdomain), ..NewTunnel::default() };
    let result = services.tunnels().create(&viewer, new).await;
    let form = list().with("form", "create").with_some("name", Some(&name)).with_some("subdomain", Some(&subdomain));
    finish(result, |tunnel| page(tunnel.id).with("done", "tunnel_created"), form);
    Ok(())
}

/// Changes a tunnel's settings.
#[server(name = UpdateTunnel, prefix = "/web/action", endpoint = "update_tunnel")]
pub async fn update_tunnel(
    #[server(default)] id: String,
    #[server(default)] name: String,
    #[server(default)] subdomain: String,
    #[server(default)] custom_domains: String,
    #[server(default)] version: String,
) -> Result<(), ServerFnError> {
    let Some((services, _, viewer)) = signed_in(&list()) else { return Ok(()) };
    let Ok(id) = id.parse::<TunnelId>() else {
        refuse(list(), &CoreError::NotFound("tunnel"));
        return Ok(());
    };
    let patch = TunnelPatch {
        name: Some(name.clone()),
        subdomain: Some(subdomain.clone()),
        custom_domains: Some(lines(&custom_domains)),
        ..TunnelPatch::default()
    };
    let result = services.tunnels().if_unchanged(expected(&version)).update(&viewer, id, patch).await;
    let form = page(id)
        .with("form", "settings")
        .with_some("name", Some(&name))
        .with_some("subdomain", Some(&subdomain))
        .with_some("custom_domains", Some(&custom_domains));
    finish(result, |tunnel| page(tunnel.id).with("done", "tunnel_updated"), form);
    Ok(())
}

/// What the actions below have in common: a tunnel by its id, one service method, back to the tunnel's page.
macro_rules! change {
    ($id:expr, $method:ident, $done:expr) => {{
        let Ok(id) = $id.parse::<TunnelId>() else {
            refuse(list(), &CoreError::NotFound("tunnel"));
            return Ok(());
        };
        let Some((services, _, viewer)) = signed_in(&page(id)) else { return Ok(()) };
        let result = services.tunnels().$method(&viewer, id).await;
        finish(result, $done, page(id));
        Ok(())
    }};
}

/// Keeps a tunnel but lets nothing pass.
#[server(name = PauseTunnel, prefix = "/web/action", endpoint = "pause_tunnel")]
pub async fn pause_tunnel(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change!(id, pause, |tunnel| page(tunnel.id).with("done", "tunnel_paused"))
}

/// Lets a paused tunnel go on.
#[server(name = ResumeTunnel, prefix = "/web/action", endpoint = "resume_tunnel")]
pub async fn resume_tunnel(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change!(id, resume, |tunnel| page(tunnel.id).with("done", "tunnel_resumed"))
}

/// Deletes a tunnel; it can be restored.
#[server(name = DeleteTunnel, prefix = "/web/action", endpoint = "delete_tunnel")]
pub async fn delete_tunnel(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change!(id, delete, |tunnel| list().with("done", "tunnel_deleted").with("undo", &tunnel.id.to_string()))
}

/// Brings a deleted tunnel back.
#[server(name = RestoreTunnel, prefix = "/web/action", endpoint = "restore_tunnel")]
pub async fn restore_tunnel(#[server(default)] id: String) -> Result<(), ServerFnError> {
    change!(id, restore, |tunnel| page(tunnel.id).with("done", "tunnel_restored"))
}
