//! Promises of the whole, one file each.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic in a test is the report")]
#![expect(unreachable_pub, reason = "pub says that other test files use it")]
#![expect(clippy::needless_pass_by_value, reason = "helpers are easier to call with values")]

mod accounts;
mod adaptive_limits;
mod cli;
mod coalescing;
mod connections;
mod contexts;
mod demo_on_sim;
mod drain;
mod engine;
mod engine_faults;
mod fakes;
mod faulty_item;
mod first_load;
mod groups;
mod guarding;
mod hazards;
mod irrelevant;
mod leavers;
mod ledger;
mod ledger_engine;
mod member_ids;
mod members;
mod no_need;
mod outage;
mod ox_calls;
mod ox_hazards;
mod ox_recorded;
mod ox_server;
mod ox_tls;
mod ox_xml;
mod parking;
mod profiles;
mod queue_live;
mod replay;
mod resources;
mod restart;
mod restless_town;
mod scene;
mod scope;
mod security;
mod settings;
mod settings_run;
mod sim_recorded;
mod sim_server;
mod sim_soap;
mod story;
mod story_oracle;
mod town;
mod users;
mod users_and_ox;
mod users_fields;
mod users_moving;
mod world;
