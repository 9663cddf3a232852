//! Alerts, seen by those who are told: a webhook that checks signatures, a mail server, the dashboard and the API.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../api/answer.rs"]
mod answer;
#[path = "../web/browser.rs"]
mod browser;
#[path = "../upstream/certificates.rs"]
mod certificates;
#[path = "../api/contract.rs"]
mod contract;
mod mail;
mod mail_tls;
mod pages;
mod receiver;
mod rules;
mod states;
#[expect(unused_imports, reason = "each test binary uses a part of this")]
#[path = "../support/mod.rs"]
mod support;
mod webhooks;
