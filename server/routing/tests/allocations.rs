//! What a lookup costs in memory: nothing.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use allocation_counter::measure;
use domain::{HostPattern, MountPath};
use server_routing::{Builder, path};

#[test]
fn a_lookup_allocates_nothing() {
    let mut builder = Builder::new();
    let exact = |at: usize| format!("shop-{at}.example.com").parse::<HostPattern>().unwrap();
    let mount = |at: usize| format!("/v1/customers/{at}").parse::<MountPath>().unwrap();
    for at in 0..1_000 {
        builder.host(&exact(at), Some(at)).unwrap();
        builder.mount(Some(&exact(at)), &mount(at), at).unwrap();
        builder.mount(Some(&exact(0)), &mount(at + 1_000), at).unwrap();
    }
    builder.host(&"*.customers.example.org".parse().unwrap(), Some(1)).unwrap();
    builder.mount(None, &mount(0), 1).unwrap();
    let table = builder.build();

    for (host, asked, is_found) in [
        ("shop-7.example.com", "/v1/customers/7/orders", true),
        ("shop-7.example.com", "/elsewhere", true),
        ("shop-0.example.com", "/v1/customers/1999", true),
        ("anybody.customers.example.org", "/", true),
        ("nobody.example.net", "/v1/customers/0/x", true),
        ("nobody.example.net", "/v1/customers", false),
        ("", "*", false),
    ] {
        let mut found = !is_found;
        let cost = measure(|| {
            found = path::normalise(asked).is_ok_and(|path| table.find(host, &path).is_some());
        });
        assert_eq!((found, cost.count_total), (is_found, 0), "{host}{asked}");
    }
}
