//! drover provisions Open-Xchange App Suite from Univention identity changes: many contexts at once,
//! each in order, nothing lost.

pub mod actors;
pub mod clock;
pub mod credentials;
pub mod demo;
mod durable;
pub mod engine;
pub mod index;
pub mod lanes;
pub mod model;
pub mod ox;
pub mod plan;
pub mod profiles;
pub mod provision;
pub mod queue;
pub mod redact;
pub mod retry;
pub mod route;
pub mod settings;
pub mod sim;
pub mod store;
pub mod telemetry;
