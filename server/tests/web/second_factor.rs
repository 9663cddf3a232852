//! A second factor, with forms.

use totp_rs::{Builder, Secret, Totp};

use crate::browser::Browser;
use crate::support::Switchboard;

/// The value of a hidden field.
fn hidden(page: &str, name: &str) -> String {
    let field = &page[page.find(&format!("name=\"{name}\"")).unwrap()..];
    let value = field.find("value=\"").unwrap() + "value=\"".len();
    field[value..].split('"').next().unwrap().to_owned()
}

/// The app that has scanned the page.
fn app(page: &str) -> Totp {
    let code = &page[page.find("Or enter the seed by hand").unwrap()..];
    let code = &code[code.find("<code").unwrap()..];
    let seed: String = code[code.find('>').unwrap() + 1..].split('<').next().unwrap().split(' ').collect();
    Builder::new().with_secret(Secret::try_from_base32(seed).unwrap()).build().unwrap()
}

fn code(app: &Totp, steps: i64) -> String {
    app.generate(u64::try_from(chrono::Utc::now().timestamp() + 30 * steps).unwrap()).to_string()
}

#[tokio::test]
async fn it_is_set_up_used_and_turned_off() {
    let switchboard = Switchboard::start().await;
    let mut here = Browser::signed_in(&switchboard).await;
    let page = here.open("/web/settings/second-factor").await;
    assert!(page.status == 200 && page.body.contains("class=\"qr\""));
    let (app, enrolment) = (app(&page.body), hidden(&page.body, "enrolment"));
    let wrong = [("enrolment", enrolment.as_str()), ("code", "000000"), ("current_password", Switchboard::PASSWORD)];
    let refused = here.submit("/web/action/confirm_second_factor", &wrong).await.goes_to().to_owned();
    let again = here.open(&refused).await.body;
    assert!(again.contains("does not belong to the seed"));
    assert_eq!(self::app(&again).generate(0), app.generate(0), "the same seed, which may be in the app already");
    let now = code(&app, 0);
    let right = [("enrolment", enrolment.as_str()), ("code", &now), ("current_password", Switchboard::PASSWORD)];
    let mut copy = here.clone();
    let done = here.submit("/web/action/confirm_second_factor", &right).await.goes_to().to_owned();
    assert!((300..400).contains(&copy.open("/web").await.status), "the session has a new id");
    let shown = here.open(&done).await.body;
    assert!(shown.contains("Recovery codes, shown this once") && shown.contains("of 10 left"));
    assert!(here.open(&done).await.body.contains("shown once and are not kept"));

    let mut there = Browser::new(&switchboard);
    let account = [("email", Switchboard::EMAIL), ("password", Switchboard::PASSWORD), ("next", "/web/tokens")];
    let step = there.submit("/web/action/sign_in", &account).await.goes_to().to_owned();
    assert!(step.starts_with("/web/login/code?next="), "{step}");
    assert!((300..400).contains(&there.open("/web").await.status), "the password alone is not enough");
    assert!(there.open(&step).await.body.contains("One more step"));
    let refused = there.submit("/web/action/sign_in_with_code", &[("code", "000000")]).await;
    assert!(refused.goes_to().contains("error=wrong_code"), "{refused:?}");
    let before = there.cookie.clone();
    let fields = [("code", code(&app, 1)), ("next", "/web/tokens".to_owned())];
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(there.submit("/web/action/sign_in_with_code", &fields).await.goes_to(), "/web/tokens");
    assert_ne!(there.cookie, before, "a new session");
    assert_eq!(there.open("/web").await.status, 200);

    let mut nobody = Browser::new(&switchboard);
    assert!(nobody.open("/web/login/code").await.goes_to().contains("error=sign_in_ended"));
    let mut copy = here.clone();
    let off = here.submit("/web/action/end_second_factor", &[("current_password", Switchboard::PASSWORD)]).await;
    assert!(off.goes_to().contains("done=second_factor_off"), "{off:?}");
    assert!((300..400).contains(&copy.open("/web").await.status), "the session has a new id");
    assert_eq!(here.open("/web").await.status, 200);
    assert_eq!(nobody.submit("/web/action/sign_in", &account).await.goes_to(), "/web/tokens");
}

#[tokio::test]
async fn where_everybody_needs_one_the_sign_in_sets_it_up() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_SIGNUP", "open")]).await;
    let mut bob = Browser::new(&switchboard);
    let account = [("email", "bob@example.com"), ("password", "a different long one")];
    assert_eq!(bob.submit("/web/action/sign_up", &account).await.goes_to(), "/web");
    let mut admin = Browser::signed_in(&switchboard).await;
    let first = admin.submit("/web/action/require_second_factor", &[("required", "true")]).await;
    assert!(first.goes_to().contains("error=second_factor_first"), "{first:?}");
    let page = admin.open("/web/settings/second-factor").await.body;
    let (enrolment, now) = (hidden(&page, "enrolment"), code(&app(&page), 0));
    let fields = [("enrolment", enrolment.as_str()), ("code", &now), ("current_password", Switchboard::PASSWORD)];
    admin.submit("/web/action/confirm_second_factor", &fields).await;
    let required = admin.submit("/web/action/require_second_factor", &[("required", "true")]).await;
    assert_eq!(required.goes_to(), "/web/users?done=second_factor_required");
    assert!((300..400).contains(&bob.open("/web").await.status), "signed out");

    let step = bob.submit("/web/action/sign_in", &account).await.goes_to().to_owned();
    assert_eq!(step, "/web/login/second-factor");
    let page = bob.open(&step).await.body;
    assert!(page.contains("Set up a second factor"));
    let (enrolment, now) = (hidden(&page, "enrolment"), code(&app(&page), 0));
    let fields = [("enrolment", enrolment.as_str()), ("code", &now)];
    let done = bob.submit("/web/action/sign_in_by_enrolling", &fields).await.goes_to().to_owned();
    assert!(bob.open(&done).await.body.contains("Recovery codes, shown this once"));
    assert_eq!(bob.open("/web").await.status, 200);
    assert!(bob.open("/web/settings/second-factor").await.body.contains("An administrator can reset yours"));

    let mut eve = Browser::new(&switchboard);
    let account = [("email", "eve@example.com"), ("password", "a different long one")];
    let made = eve.submit("/web/action/sign_up", &account).await;
    assert_eq!(made.goes_to(), "/web/login?done=account_made");
    assert_eq!(eve.submit("/web/action/sign_in", &account).await.goes_to(), "/web/login/second-factor");
}
