use crate::support::{CLIENT, Db, PASSWORD, admin, member};
use chrono::TimeDelta;
use domain::Role;
use sea_orm::ConnectionTrait;
use server_core::{CoreError, SignupPolicy, WebSessionRecord};
use std::net::IpAddr;

pub async fn the_first_account_is_made_once(db: Db) {
    let services = db.open().await;
    let accounts = services.accounts();
    assert!(!accounts.any_exist().await.unwrap());
    assert!(accounts.setup_code().is_none());
    let (one, other) = tokio::join!(
        accounts.set_up(None, "one@example.com", PASSWORD, CLIENT),
        accounts.set_up(None, "other@example.com", PASSWORD, CLIENT)
    );
    let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
    assert!(won.unwrap().is_admin());
    assert_eq!(lost.unwrap_err().code(), "already_set_up");
    assert!(accounts.any_exist().await.unwrap());
    assert!(!accounts.register("third@example.com", PASSWORD, CLIENT).await.unwrap().is_admin());
}

pub async fn the_set_up_code_is_needed_when_others_reach_the_server(db: Db) {
    let services = db.open_with(|settings| settings.loopback_only = false).await.unwrap();
    let accounts = services.accounts();
    let code = accounts.setup_code().unwrap();
    for wrong in [None, Some(""), Some("AAAA-BBBB-CCCC")] {
        let refused = accounts.set_up(wrong, "ada@example.com", PASSWORD, CLIENT).await.unwrap_err();
        assert_eq!(refused.code(), "setup_code_required");
    }
    let refused = accounts.register("ada@example.com", PASSWORD, CLIENT).await.unwrap_err();
    assert_eq!(refused.code(), "setup_code_required");
    assert!(!accounts.any_exist().await.unwrap());
    let typed = format!(" {} ", code.to_lowercase());
    assert!(accounts.set_up(Some(&typed), "ada@example.com", PASSWORD, CLIENT).await.unwrap().is_admin());
    assert_eq!(accounts.setup_code(), None);
}

pub async fn sign_up_follows_the_policy(db: Db) {
    let services = db.open_with(|settings| settings.signup = SignupPolicy::FirstAccount).await.unwrap();
    let accounts = services.accounts();
    assert!(accounts.signup_open().await.unwrap());
    assert!(accounts.register("first@example.com", PASSWORD, CLIENT).await.unwrap().is_admin());
    assert!(!accounts.signup_open().await.unwrap());
    let refused = accounts.register("second@example.com", PASSWORD, CLIENT).await.unwrap_err();
    assert_eq!(refused.code(), "signup_closed");

    let services = db.open().await;
    assert!(services.accounts().signup_open().await.unwrap());
    let second = services.accounts().register("second@example.com", PASSWORD, CLIENT).await.unwrap();
    assert!(!second.is_admin());
}

pub async fn bad_input_is_refused(db: Db) {
    let services = db.open().await;
    let accounts = services.accounts();
    admin(&services, "ada").await;
    for (email, password, field) in [
        ("", PASSWORD, "email"),
        ("nobody", PASSWORD, "email"),
        ("bob@example.com", "short", "password"),
        ("bob@example.com", "password123", "password"),
        ("bob@example.com", "bob@example.com", "password"),
        ("bob@example.com", &"x".repeat(129), "password"),
    ] {
        match accounts.register(email, password, CLIENT).await {
            Err(CoreError::Invalid { field: named, .. }) => assert_eq!(named, field),
            other => panic!("{email:?} {password:?}: {other:?}"),
        }
    }
    let refused = accounts.register(" ADA@example.com ", PASSWORD, CLIENT).await.unwrap_err();
    assert_eq!(refused.code(), "email_taken");
    let wrong = accounts.sign_in("ada@example.com", "not the password", CLIENT).await.unwrap_err();
    let unknown = accounts.sign_in("nobody@example.com", PASSWORD, CLIENT).await.unwrap_err();
    assert_eq!(wrong, unknown, "who has an account is not told");
    assert_eq!(wrong.code(), "unauthorized");
    assert_eq!(
        accounts.sign_in("Ada@Example.com", PASSWORD, CLIENT).await.unwrap().done().unwrap().user().email.as_str(),
        "ada@example.com"
    );
}

pub async fn guessing_is_slowed_down(db: Db) {
    let services = db.open().await;
    let accounts = services.accounts();
    admin(&services, "ada").await;
    let from = |n: u8| IpAddr::from([127, 0, 0, n]);
    for n in 0..5 {
        assert_eq!(accounts.sign_in("ada@example.com", "wrong", from(n)).await.unwrap_err().code(), "unauthorized");
    }
    // Whoever knows the password has to wait too, and from wherever.
    let refused = accounts.sign_in("ada@example.com", PASSWORD, from(9)).await.unwrap_err();
    assert!(matches!(refused, CoreError::Throttled { retry_after } if !retry_after.is_zero()), "{refused:?}");
    assert!(refused.is_retryable());
    // Others do not.
    member(&services, "bob").await;
    accounts.sign_in("bob@example.com", PASSWORD, from(1)).await.unwrap();
}

pub async fn a_new_password_ends_all_other_sessions(db: Db) {
    let services = db.open().await;
    let (accounts, sessions) = (services.accounts(), services.web_sessions());
    let ada = admin(&services, "ada").await;
    for key in [[1; 32], [2; 32]] {
        let record = WebSessionRecord {
            user_id: Some(ada.id()),
            data: "{}".into(),
            user_agent: None,
            address: None,
            expires_at: chrono::Utc::now() + TimeDelta::days(1),
        };
        assert!(sessions.insert(key, record).await.unwrap());
    }
    let program = services.api_sessions().issue(&ada, None).await.unwrap();
    let here = sessions.id_of([1; 32]).await.unwrap();

    let wrong = accounts.change_password(&ada, "not the password", "a new password", here).await.unwrap_err();
    assert!(matches!(wrong, CoreError::Invalid { field: "current_password", .. }));
    assert!(sessions.load([2; 32]).await.unwrap().is_some());

    accounts.change_password(&ada, PASSWORD, "a new password", here).await.unwrap();
    assert!(sessions.load([1; 32]).await.unwrap().is_some());
    assert_eq!(sessions.load([2; 32]).await.unwrap(), None);
    assert!(services.api_sessions().authenticate(&program.access_token).await.is_err());
    assert!(services.api_sessions().refresh(&program.refresh_token, None).await.is_err());
    assert!(accounts.sign_in("ada@example.com", PASSWORD, CLIENT).await.is_err());
    accounts.sign_in("ada@example.com", "a new password", CLIENT).await.unwrap();

    accounts.set_password("ada@example.com", "yet another one").await.unwrap();
    assert_eq!(sessions.load([1; 32]).await.unwrap(), None);
    let unknown = accounts.set_password("nobody@example.com", "yet another one").await.unwrap_err();
    assert_eq!(unknown.code(), "not_found");
}

pub async fn an_email_can_be_changed_and_taken_again(db: Db) {
    let services = db.open().await;
    let accounts = services.accounts();
    let ada = admin(&services, "ada").await;
    member(&services, "bob").await;
    let taken = accounts.change_email(&ada, PASSWORD, "bob@example.com").await.unwrap_err();
    assert_eq!(taken.code(), "email_taken");
    let wrong = accounts.change_email(&ada, "not the password", "eve@example.com").await.unwrap_err();
    assert!(matches!(wrong, CoreError::Invalid { field: "password", .. }));
    let user = accounts.change_email(&ada, PASSWORD, "Eve@example.com").await.unwrap();
    assert_eq!(user.email.as_str(), "eve@example.com");
    accounts.register("ada@example.com", PASSWORD, CLIENT).await.unwrap();
}

pub async fn a_link_ends_by_itself(db: Db) {
    let services = db.open().await;
    let ada = admin(&services, "ada").await;
    let accounts = services.accounts();
    let (_, link) = accounts.invite(&ada, "bob@example.com", Role::Member, 1).await.unwrap();
    let url = link.expose();
    let secret = url.split_once("token=").unwrap().1;
    db.has_no(secret).await;
    assert!(!format!("{link:?}").contains(secret));
    accounts.invitation(secret).await.unwrap();
    let connection = sea_orm::Database::connect(&db.url).await.unwrap();
    let past = (chrono::Utc::now() - TimeDelta::seconds(1)).to_rfc3339();
    connection.execute_unprepared(&format!("UPDATE account_links SET expires_at = '{past}'")).await.unwrap();
    connection.close().await.unwrap();
    assert_eq!(accounts.invitation(secret).await.unwrap_err().code(), "link_ended");
    assert_eq!(accounts.accept(secret, PASSWORD, CLIENT).await.unwrap_err().code(), "link_ended");
    assert!(accounts.invitations(&ada, server_core::Page::default()).await.unwrap().items.is_empty());
}
