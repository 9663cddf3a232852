//! Tells the derived descriptions of types what aliases stand for.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "schema")]
    utoipa_config::Config::new()
        .alias_for("Timestamp", "chrono::DateTime<chrono::Utc>")
        .alias_for("IpAddr", "String")
        .write_to_file();
}
