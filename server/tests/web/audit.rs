//! The security log as a page.

use crate::browser::Browser;
use crate::support::Switchboard;

#[tokio::test]
async fn everybody_sees_what_is_theirs_and_administrators_all_of_it() {
    let switchboard = Switchboard::start_with(&[("SWITCHBOARD_SIGNUP", "open")]).await;
    let mut admin = Browser::signed_in(&switchboard).await;
    let mut bob = Browser::new(&switchboard);
    let account = [("email", "bob@example.com"), ("password", "a different long one")];
    assert_eq!(bob.submit("/web/action/sign_up", &account).await.goes_to(), "/web");
    bob.submit("/web/action/create_token", &[("name", "laptop")]).await;
    let seen = bob.open("/web/audit").await;
    assert!(seen.status == 200 && seen.body.contains("token made") && seen.body.contains("laptop"));
    assert!(!seen.body.contains("the first account"), "others' are not there");
    let all = admin.open("/web/audit?kind=token_created&email=bob%40example.com").await.body;
    assert!(all.contains("laptop") && all.contains("127.0.0.1"));
    for nobodys in ["?email=nobody", "?address=here", "?kind=account_deleted"] {
        assert!(admin.open(&format!("/web/audit{nobodys}")).await.body.contains("Nothing of the kind"), "{nobodys}");
    }
    assert!(bob.submit("/web/action/sign_out", &[]).await.goes_to().starts_with("/web/login"));
    assert!(admin.open("/web/audit?kind=signed_out").await.body.contains("bob@example.com"));
}
