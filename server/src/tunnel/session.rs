//! One live telephone connection.

use domain::{TelephoneSessionId, TokenId};
use telephone::line::Line;
use wire::close;
use wire::control::{Control, Drain, ErrorCode, Refusal};

/// A telephone that serves a tunnel.
#[derive(Debug)]
pub struct Session {
    /// Its id.
    pub id: TelephoneSessionId,
    /// What it signed in with.
    pub token: TokenId,
    /// What the telephone shows to take its own dead session's place.
    pub resume: String,
    /// The line to it.
    pub line: Line,
}

/// Why a session is ended from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Its token was revoked.
    TokenRevoked,
    /// Its token ran out.
    TokenExpired,
    /// Its tunnel was paused.
    TunnelPaused,
    /// Its tunnel was deleted.
    TunnelDeleted,
    /// The same telephone came back on another connection.
    Replaced,
    /// It is to sign in again, with everything as it is now.
    SignInAgain,
}

impl Session {
    /// Ends the session and says why; requests in flight break off.
    pub fn cut(&self, cut: Cut) {
        let (code, error, message) = match cut {
            Cut::TokenRevoked => (
                close::TOKEN_GONE,
                Some(ErrorCode::TokenRevoked),
                "the token was revoked; create another in the dashboard",
            ),
            Cut::TokenExpired => (
                close::TOKEN_GONE,
                Some(ErrorCode::TokenExpired),
                "the token has run out; create another in the dashboard",
            ),
            Cut::TunnelPaused => {
                (close::TUNNEL_GONE, Some(ErrorCode::TunnelPaused), "the tunnel was paused; resume it in the dashboard")
            }
            Cut::TunnelDeleted => (
                close::TUNNEL_GONE,
                Some(ErrorCode::TunnelDeleted),
                "the tunnel was deleted; restore it in the dashboard",
            ),
            Cut::Replaced => (close::REPLACED, None, "the same telephone is back on another connection"),
            Cut::SignInAgain => (close::GOING_AWAY, None, "sign in again"),
        };
        if let Some(code) = error {
            let refusal = Control::Error(Refusal { code, message: message.to_owned() });
            if let Err(error) = self.line.send_control(refusal) {
                tracing::debug!(session = %self.id, %error, "the telephone could not be told why its session ends");
            }
        }
        self.line.close(code, message);
    }

    /// Tells the telephone to finish what is in flight and to dial again.
    pub fn drain(&self, deadline_s: u32) {
        let drain = Drain { reason: Some("the server is shutting down".to_owned()), deadline_s: Some(deadline_s) };
        if let Err(error) = self.line.send_control(Control::Drain(drain)) {
            tracing::debug!(session = %self.id, %error, "the telephone could not be told to drain");
        }
        self.line.stop_opening();
    }
}
