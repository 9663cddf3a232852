//! Users, invitations and new passwords, with forms.

use serde_json::json;

use crate::browser::Browser;
use crate::support::Switchboard;

/// The path of the link that a page shows.
fn link_on<'a>(switchboard: &Switchboard, page: &'a str) -> &'a str {
    let start = page.find(&format!("{}/web/", switchboard.url())).unwrap() + switchboard.url().len();
    page[start..].split(['<', '"', '&']).next().unwrap()
}

#[tokio::test]
async fn somebody_is_invited_and_comes_in() {
    let switchboard = Switchboard::start().await;
    let mut admin = Browser::signed_in(&switchboard).await;
    let form = [("email", "bob@example.com"), ("role", "member"), ("expires_in_hours", "72")];
    let made = admin.submit("/web/action/invite_user", &form).await;
    let page = made.goes_to().to_owned();
    assert!(!page.contains("sbi_"), "no secret in an address of ours: {page}");
    let shown = admin.open(&page).await.body;
    let link = link_on(&switchboard, &shown);
    assert!(link.starts_with("/web/invitation?token=sbi_"), "{link}");
    assert!(shown.contains("Withdraw") && !admin.open(&page).await.body.contains("sbi_"), "it is shown once");

    let mut bob = Browser::new(&switchboard);
    let welcome = bob.open(link).await;
    assert!(welcome.status == 200 && welcome.body.contains("bob@example.com"));
    assert_eq!(welcome.headers["referrer-policy"], "same-origin", "the link stays here");
    let token = link.split_once("token=").unwrap().1;
    let weak = bob.submit("/web/action/accept_invitation", &[("token", token), ("password", "short")]).await;
    let back = weak.goes_to().to_owned();
    assert!(back.starts_with("/web/invitation?") && back.contains("error=invalid"), "{back}");
    assert!(bob.open(&back).await.body.contains("8 to 128 characters"));
    let fields = [("token", token), ("password", "a password of one's own")];
    assert_eq!(bob.submit("/web/action/accept_invitation", &fields).await.goes_to(), "/web");
    assert_eq!(bob.open("/web").await.status, 200);
    assert!(!bob.open("/web").await.body.contains("/web/users"), "members are not shown the way");
    for page in ["/web/users", "/web/users/0190f5e2-7d3c-7a51-9c3e-2f4b8d6a1c00"] {
        assert_eq!(bob.open(page).await.status, 404, "{page}");
    }
    let ended = Browser::new(&switchboard).open(link).await;
    assert!(ended.status == 410 && ended.body.contains("no longer works"), "{}", ended.status);
}

#[tokio::test]
async fn an_account_is_managed_on_its_page() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_SIGNUP", "open")]).await;
    let mut admin = Browser::signed_in(&switchboard).await;
    let mut bob = Browser::new(&switchboard);
    let account = [("email", "bob@example.com"), ("password", "a different long one")];
    assert_eq!(bob.submit("/web/action/sign_up", &account).await.goes_to(), "/web");
    let list = switchboard.client().get("/api/v1/users?search=bob").await.1;
    let id = list["items"][0]["id"].as_str().unwrap();
    let page = format!("/web/users/{id}");
    assert!(admin.open("/web/users?q=bob").await.body.contains(&page));
    assert!(!admin.open("/web/users?q=nobody").await.body.contains(&page));

    let made = admin.submit("/web/action/set_user_role", &[("id", id), ("role", "admin")]).await;
    assert_eq!(made.goes_to(), format!("{page}?done=role_set"));
    assert!((300..400).contains(&bob.open("/web").await.status), "signed out by it");
    let again = [("email", "bob@example.com"), ("password", "a different long one")];
    assert_eq!(bob.submit("/web/action/sign_in", &again).await.goes_to(), "/web");
    assert_eq!(bob.open("/web/users").await.status, 200, "an administrator from now on");
    admin.submit("/web/action/set_user_role", &[("id", id), ("role", "member")]).await;
    assert!((300..400).contains(&bob.open("/web").await.status), "signed out by that, too");
    assert_eq!(bob.submit("/web/action/sign_in", &again).await.goes_to(), "/web");
    assert_eq!(bob.open("/web/users").await.status, 404);
    let refused = bob.submit("/web/action/set_user_role", &[("id", id), ("role", "admin")]).await;
    assert!(refused.goes_to().contains("error=admin_only"), "{refused:?}");

    let offered = admin.submit("/web/action/offer_reset", &[("id", id)]).await;
    let shown = admin.open(offered.goes_to()).await.body;
    let link = link_on(&switchboard, &shown);
    let token = link.split_once("token=").unwrap().1;
    assert!(Browser::new(&switchboard).open(link).await.body.contains("bob@example.com"));
    let fields = [("token", token), ("password", "another long password")];
    let reset = Browser::new(&switchboard).submit("/web/action/reset_password", &fields).await;
    assert!(reset.goes_to().starts_with("/web/login?done=password_reset"), "{reset:?}");
    assert!((300..400).contains(&bob.open("/web").await.status), "signed out by it");
    let account = [("email", "bob@example.com"), ("password", "another long password")];
    assert_eq!(bob.submit("/web/action/sign_in", &account).await.goes_to(), "/web");

    let gone = admin.submit("/web/action/deactivate_user", &[("id", id)]).await;
    assert_eq!(gone.goes_to(), format!("{page}?done=user_deactivated"));
    assert!((300..400).contains(&bob.open("/web").await.status), "signed out by that");
    assert!(bob.submit("/web/action/sign_in", &account).await.goes_to().contains("error=unauthorized"));
    assert!(admin.open(&page).await.body.contains("Reactivate"));
    let deleted = admin.submit("/web/action/delete_user", &[("id", id)]).await;
    assert_eq!(deleted.goes_to(), "/web/users?done=user_deleted");
    assert_eq!(admin.open(&page).await.status, 404);

    let me = switchboard.client().get("/api/v1/me").await.1;
    let unchanged = [("id", me["id"].as_str().unwrap()), ("role", "admin")];
    assert!(admin.submit("/web/action/set_user_role", &unchanged).await.goes_to().contains("done=role_set"));
    assert_eq!(admin.open("/web").await.status, 200, "nothing was changed");
    let last = admin.submit("/web/action/deactivate_user", &[("id", me["id"].as_str().unwrap())]).await;
    assert!(last.goes_to().contains("error=last_administrator"), "{last:?}");
    assert_eq!(switchboard.client().get("/api/v1/users").await.1["items"].as_array().unwrap().len(), 1);
    assert_eq!(me["role"], json!("admin"));
}

#[tokio::test]
async fn an_administrator_limits_requests_with_a_form() {
    let switchboard = Switchboard::start().await;
    let mut admin = Browser::signed_in(&switchboard).await;
    let list = switchboard.client().get("/api/v1/users").await.1;
    let id = list["items"][0]["id"].as_str().unwrap();
    let page = format!("/web/users/{id}");
    let saved = admin.submit("/web/action/set_user_limit", &[("id", id), ("rate_limit", "1000/60 burst 50")]).await;
    assert_eq!(saved.goes_to(), format!("{page}?done=limit_set"));
    assert!(admin.open(&page).await.body.contains("value=\"1000/60 burst 50\""));
    let wrong = admin.submit("/web/action/set_user_limit", &[("id", id), ("rate_limit", "many")]).await;
    let back = wrong.goes_to().to_owned();
    assert!(back.contains("field=rate_limit"), "{back}");
    let shown = admin.open(&back).await.body;
    assert!(shown.contains("value=\"many\"") && shown.contains("requests/seconds"), "{shown}");
    let saved = admin.submit("/web/action/set_user_limit", &[("id", id), ("rate_limit", "")]).await;
    assert_eq!(saved.goes_to(), format!("{page}?done=limit_set"));
    let account = switchboard.client().get(&format!("/api/v1/users/{id}")).await.1;
    assert_eq!(account["rate_limit"], json!(null));
}

#[tokio::test]
async fn administrators_see_where_somebody_is_signed_in_and_sign_them_out() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_SIGNUP", "open")]).await;
    let mut admin = Browser::signed_in(&switchboard).await;
    let (api, mut bob) = (switchboard.client(), Browser::new(&switchboard));
    let account = [("email", "bob@example.com"), ("password", "a different long one")];
    assert_eq!(bob.submit("/web/action/sign_up", &account).await.goes_to(), "/web");
    let fields = json!({"email": "bob@example.com", "password": "a different long one"});
    let (_, tokens) = api.clone().bearer("").post("/api/v1/auth/login", &fields).await;
    let program = api.clone().bearer(tokens["access_token"].as_str().unwrap());
    let list = api.get("/api/v1/users?search=bob").await.1;
    let id = list["items"][0]["id"].as_str().unwrap();
    let places = format!("/api/v1/users/{id}");
    let listed = async |what: &str| {
        let (status, list) = api.get(&format!("{places}/{what}")).await;
        assert_eq!(status, 200, "{list}");
        list["items"].as_array().unwrap().clone()
    };
    let (browsers, programs) = (listed("sessions").await, listed("programs").await);
    assert_eq!((browsers.len(), programs.len()), (1, 1), "{browsers:?} {programs:?}");
    assert_eq!(browsers[0]["user_agent"], "Test/1.0 (scripts off)");
    assert!(browsers[0]["current"] == false && programs[0]["current"] == false);
    let (browser, session) = (browsers[0]["id"].as_str().unwrap(), programs[0]["id"].as_str().unwrap());
    let page = format!("/web/users/{id}");
    let shown = admin.open(&page).await.body;
    assert!(shown.contains(browser) && shown.contains(session), "{shown}");

    // Nobody else, and nothing of somebody else's.
    for path in [format!("{places}/sessions"), format!("{places}/programs")] {
        let (status, refused) = program.get(&path).await;
        assert_eq!((status, &refused["error"]["code"]), (403, &json!("admin_only")), "{path}");
    }
    let form = [("id", browser), ("user", id)];
    let mut eve = Browser::new(&switchboard);
    let account = [("email", "eve@example.com"), ("password", "a different long one")];
    assert_eq!(eve.submit("/web/action/sign_up", &account).await.goes_to(), "/web");
    for action in ["end_session", "end_program"] {
        let refused = eve.submit(&format!("/web/action/{action}"), &form).await;
        assert_eq!(refused.goes_to(), format!("{page}?error=admin_only"), "{action}");
    }
    let own = switchboard.client().get("/api/v1/me").await.1;
    let wrong = [("id", browser), ("user", own["id"].as_str().unwrap())];
    assert!(admin.submit("/web/action/end_session", &wrong).await.goes_to().contains("error=not_found"));
    assert_eq!(api.delete(&format!("{places}/sessions/{session}")).await.0, 404);
    assert_eq!(bob.open("/web").await.status, 200);
    assert_eq!(program.get("/api/v1/me").await.0, 200);

    let ended = admin.submit("/web/action/end_session", &form).await;
    assert_eq!(ended.goes_to(), format!("{page}?done=session_ended"));
    assert!((300..400).contains(&bob.open("/web").await.status), "signed out");
    assert_eq!(program.get("/api/v1/me").await.0, 200);
    assert_eq!(api.delete(&format!("{places}/programs/{session}")).await.0, 204);
    assert_eq!(program.get("/api/v1/me").await.0, 401);
    assert_eq!(api.delete(&format!("{places}/programs/{session}")).await.0, 404);
    assert!(listed("sessions").await.is_empty() && listed("programs").await.is_empty());
    assert!(admin.open(&page).await.body.contains("None."));
    let events = api.get("/api/v1/audit?kind=sessions_ended").await.1;
    let events = events["items"].as_array().unwrap();
    assert_eq!(events.len(), 2, "{events:?}");
    for (event, detail) in events.iter().zip(["one program", "one browser"]) {
        let told = (&event["detail"], &event["account_email"], &event["actor_email"]);
        assert_eq!(told, (&json!(detail), &json!("bob@example.com"), &json!(Switchboard::EMAIL)), "{event}");
    }
}

#[tokio::test]
async fn who_gives_up_being_an_administrator_signs_in_again() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_SIGNUP", "open")]).await;
    let (mut ada, mut bob) = (Browser::signed_in(&switchboard).await, Browser::new(&switchboard));
    let account = [("email", "bob@example.com"), ("password", "a different long one")];
    assert_eq!(bob.submit("/web/action/sign_up", &account).await.goes_to(), "/web");
    let client = switchboard.client();
    let id_of = async |name: &str| {
        let list = client.get(&format!("/api/v1/users?search={name}")).await.1;
        list["items"][0]["id"].as_str().unwrap().to_owned()
    };
    let (own, bobs) = (id_of("ada").await, id_of("bob").await);
    ada.submit("/web/action/set_user_role", &[("id", &bobs), ("role", "admin")]).await.goes_to();
    let given_up = ada.submit("/web/action/set_user_role", &[("id", &own), ("role", "member")]).await;
    assert_eq!(given_up.goes_to(), "/web/login?done=own_role_set");
    assert!(ada.open(given_up.goes_to()).await.body.contains("Sign in again to go on."));
    assert!((300..400).contains(&ada.open("/web").await.status), "the old session is worth nothing");
    let account = [("email", Switchboard::EMAIL), ("password", Switchboard::PASSWORD)];
    assert_eq!(ada.submit("/web/action/sign_in", &account).await.goes_to(), "/web");
    assert_eq!(ada.open("/web/users").await.status, 404);
}
