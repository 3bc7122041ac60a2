//! Promises of the whole, one file each.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is the report")]
#![expect(unreachable_pub, reason = "pub says that other test files use it")]
#![expect(clippy::needless_pass_by_value, reason = "helpers are easier to call with values")]

mod cli;
mod demo_on_sim;
mod engine;
mod fakes;
mod ox_calls;
mod ox_hazards;
mod ox_recorded;
mod ox_server;
mod ox_tls;
mod ox_xml;
mod settings;
mod sim_recorded;
mod sim_server;
mod sim_soap;
mod story_oracle;
