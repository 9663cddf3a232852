//! Exports the islands of `app` to the browser.
