//! Scripted misbehaviour: latency, faults and broken connections, the same for the same seed.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::service::Target;

/// How long an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Latency {
    /// Always so many milliseconds.
    FixedMs(f64),
    /// Exponentially distributed.
    Exponential {
        /// Mean in milliseconds.
        mean_ms: f64,
        /// Longest in milliseconds.
        cap_ms: f64,
    },
}

impl Latency {
    fn draw(self, rng: &mut ChaCha8Rng) -> Duration {
        let milliseconds = match self {
            Self::FixedMs(fixed) => fixed,
            Self::Exponential { mean_ms, cap_ms } => {
                let uniform: f64 = rng.random_range(f64::EPSILON..1.0);
                (-mean_ms * uniform.ln()).min(cap_ms)
            }
        };
        Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or_default()
    }
}

/// What a rule does to a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Refused with this exception; nothing is done. An empty class leaves the detail out.
    Fault {
        /// Name of the exception, for instance `StorageException`.
        class: String,
        /// Its text; the exception id is added.
        text: String,
    },
    /// Answered by something in between, a proxy say; nothing is done.
    Http {
        /// HTTP status.
        status: u16,
        /// Body, sent as HTML.
        body: String,
    },
    /// Answered by something in between that asks to stay away for so many seconds
    /// (`Retry-After`); nothing is done.
    StayAway {
        /// HTTP status, 503 or 429.
        status: u16,
        /// How long.
        seconds: u32,
    },
    /// Takes so many milliseconds longer.
    DelayMs(u64),
    /// Never answered and never done; the connection stays open.
    Hang,
    /// The connection is closed and nothing is done.
    DropBefore,
    /// Done, but the connection is closed instead of an answer.
    ApplyThenDrop,
    /// The connection is closed at once, and so many milliseconds later it is done all the same.
    DropThenApplyMs(u64),
    /// Done, but never answered; the connection stays open.
    ApplyThenHang,
    /// All idle connections are closed without a word, and this one once it has answered.
    CloseIdle,
}

/// When something happens, and what. Conditions that are left out match every call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Service, as `OXUserService` or `User`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Operation, as `create`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// A context the call names by id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u32>,
    /// Name of the object in the request: login, group or resource name, account address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many matching calls pass unharmed first.
    #[serde(default)]
    pub skip: u64,
    /// How many matching calls are hit then; all, when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Chance, from 0 to 1, that a matching call is hit; 1 when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// What happens.
    pub effect: Effect,
}

impl Rule {
    /// A rule that hits every call.
    pub fn new(effect: Effect) -> Self {
        Self {
            service: None,
            operation: None,
            context: None,
            name: None,
            skip: 0,
            times: None,
            probability: None,
            effect,
        }
    }

    /// Restricts the rule to an operation of a service.
    #[must_use]
    pub fn on(mut self, service: &str, operation: &str) -> Self {
        self.service = Some(service.to_owned());
        self.operation = Some(operation.to_owned());
        self
    }

    /// Restricts the rule to a context.
    #[must_use]
    pub fn in_context(mut self, context: u32) -> Self {
        self.context = Some(context);
        self
    }

    /// Restricts the rule to an object.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }

    /// Lets the first calls pass.
    #[must_use]
    pub fn skip(mut self, calls: u64) -> Self {
        self.skip = calls;
        self
    }

    /// Hits only so many calls.
    #[must_use]
    pub fn times(mut self, calls: u64) -> Self {
        self.times = Some(calls);
        self
    }

    fn matches(&self, service: &str, operation: &str, target: &Target) -> bool {
        let same_service = self.service.as_deref().is_none_or(|wanted| {
            let short = service.strip_prefix("OX").and_then(|name| name.strip_suffix("Service"));
            wanted == service || Some(wanted) == short
        });
        same_service
            && self.operation.as_deref().is_none_or(|wanted| wanted == operation)
            && self.context.is_none_or(|wanted| target.contexts.contains(&Some(wanted)))
            && self.name.as_deref().is_none_or(|wanted| target.name.as_deref() == Some(wanted))
    }
}

/// What `POST /sim/script` takes; what is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScriptUpdate {
    /// Rules added behind those there are.
    pub rules: Vec<Rule>,
    /// Latency of every operation without one of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Latency by operation, as `OXUserService.create` or `create`.
    pub latencies: BTreeMap<String, Latency>,
}

/// Rules and latencies in force.
#[derive(Debug, Default)]
pub(crate) struct Script {
    rules: Vec<Counted>,
    latency: Option<Latency>,
    latencies: BTreeMap<String, Latency>,
}

#[derive(Debug)]
struct Counted {
    rule: Rule,
    matched: u64,
    hit: u64,
}

/// What becomes of one call.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) delay: Duration,
    pub(crate) close_idle: bool,
    /// Anything but a delay or a closing of idle connections.
    pub(crate) effect: Option<Effect>,
}

impl Script {
    /// Adds rules and sets latencies.
    pub(crate) fn update(&mut self, update: ScriptUpdate) {
        let rules = update.rules.into_iter();
        self.rules.extend(rules.map(|rule| Counted { rule, matched: 0, hit: 0 }));
        self.latency = update.latency.or(self.latency);
        self.latencies.extend(update.latencies);
    }

    /// Forgets all rules and latencies.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Decides about a call. Delays add up; of other effects the first counts.
    pub(crate) fn judge(
        &mut self,
        service: &str,
        operation: &str,
        target: &Target,
        rng: &mut ChaCha8Rng,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        if self.rules.is_empty() && self.latency.is_none() && self.latencies.is_empty() {
            return verdict;
        }
        let own = self.latencies.get(&format!("{service}.{operation}"));
        let latency = own.or_else(|| self.latencies.get(operation)).copied().or(self.latency);
        if let Some(latency) = latency {
            verdict.delay = latency.draw(rng);
        }
        for counted in &mut self.rules {
            if verdict.effect.is_some() || !counted.rule.matches(service, operation, target) {
                continue;
            }
            counted.matched += 1;
            let spent = counted.rule.times.is_some_and(|times| counted.hit >= times);
            let lucky =
                counted.rule.probability.is_some_and(|chance| rng.random::<f64>() >= chance);
            if counted.matched <= counted.rule.skip || spent || lucky {
                continue;
            }
            counted.hit += 1;
            match &counted.rule.effect {
                Effect::DelayMs(delay) => verdict.delay += Duration::from_millis(*delay),
                Effect::CloseIdle => verdict.close_idle = true,
                effect => verdict.effect = Some(effect.clone()),
            }
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn target(name: &str) -> Target {
        Target { contexts: [Some(10), None], name: Some(name.to_owned()), id: None }
    }

    fn script(rules: Vec<Rule>) -> Script {
        let mut script = Script::default();
        script.update(ScriptUpdate { rules, ..ScriptUpdate::default() });
        script
    }

    #[test]
    fn a_rule_skips_hits_and_is_spent() {
        let rule = Rule::new(Effect::DropBefore).on("User", "create").skip(1).times(2);
        let mut script = script(vec![rule]);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let hits: Vec<bool> = (0..5)
            .map(|_| {
                let verdict = script.judge("OXUserService", "create", &target("a"), &mut rng);
                verdict.effect.is_some()
            })
            .collect();
        assert_eq!(hits, [false, true, true, false, false]);
    }

    #[test]
    fn conditions_must_all_hold() {
        let rule = Rule::new(Effect::Hang).in_context(10).named("a");
        let mut script = script(vec![rule]);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut hit = |name: &str| {
            script.judge("OXGroupService", "create", &target(name), &mut rng).effect.is_some()
        };
        assert!(hit("a"));
        assert!(!hit("b"));
    }

    #[test]
    fn delays_add_up_and_the_first_other_effect_wins() {
        let mut script = script(vec![
            Rule::new(Effect::DelayMs(5)),
            Rule::new(Effect::DelayMs(7)),
            Rule::new(Effect::ApplyThenDrop),
            Rule::new(Effect::Hang),
        ]);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let verdict = script.judge("OXUserService", "create", &target("a"), &mut rng);
        assert_eq!(verdict.delay, Duration::from_millis(12));
        assert_eq!(verdict.effect, Some(Effect::ApplyThenDrop));
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed() {
        let run = |seed| {
            let mut rule = Rule::new(Effect::Hang);
            rule.probability = Some(0.5);
            let mut script = script(vec![rule]);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            (0..64)
                .map(|_| script.judge("S", "o", &target("a"), &mut rng).effect.is_some())
                .collect::<Vec<_>>()
        };
        assert_eq!(run(3), run(3));
        assert_ne!(run(3), run(4));
    }

    #[test]
    fn rules_read_from_json() {
        let json = r#"{"rules":[{"operation":"create","times":1,
            "effect":{"fault":{"class":"StorageException","text":"x"}}},
            {"effect":{"delay_ms":3}},{"effect":"apply_then_drop"},
            {"effect":{"http":{"status":503,"body":"b"}}}],
            "latency":{"exponential":{"mean_ms":2.0,"cap_ms":9.0}},
            "latencies":{"create":{"fixed_ms":1.5}}}"#;
        let update: ScriptUpdate = serde_json::from_str(json).unwrap();
        assert_eq!(update.rules.len(), 4);
        assert_eq!(update.latencies.get("create"), Some(&Latency::FixedMs(1.5)));
    }
}
