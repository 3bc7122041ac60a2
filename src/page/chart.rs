//! A curve over time as SVG: axes that begin at zero, round numbers beside them, and the same in words
//! for those who cannot see it.

use maud::{Markup, html};

use super::text::{count, span};

/// Size of the drawing, and of the part of it in which the curve is.
const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 96.0;
const LEFT: f64 = 38.0;
const RIGHT: f64 = 235.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 74.0;

/// A chart.
#[derive(Debug)]
pub(super) struct Chart<'a> {
    /// What it shows.
    pub(super) name: &'a str,
    /// What it is counted in.
    pub(super) unit: &'a str,
    /// Its colour's class.
    pub(super) tone: &'a str,
    /// Seconds (the past is negative) and values, the oldest first.
    pub(super) points: &'a [(f64, f64)],
    /// How far back it goes, in seconds.
    pub(super) span: f64,
}

impl Chart<'_> {
    pub(super) fn draw(&self) -> Markup {
        let highest = self.points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
        let last = self.points.last().map_or(0.0, |(_, value)| *value);
        let step = step(highest);
        let lines = (highest / step).ceil().max(1.0);
        let top = step * lines;
        let x = |at: f64| RIGHT + at.max(-self.span) / self.span * (RIGHT - LEFT);
        let y = |value: f64| BOTTOM - value / top * (BOTTOM - TOP);
        let curve: Vec<String> = self
            .points
            .iter()
            .map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value)))
            .collect();
        let curve = curve.join(" ");
        let (first_x, last_x) = match (self.points.first(), self.points.last()) {
            (Some(first), Some(last)) => (x(first.0), x(last.0)),
            _ => (RIGHT, RIGHT),
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "one to four")]
        let ticks: Vec<f64> = (0..=lines as u32).map(|n| step * f64::from(n)).collect();
        let words = format!(
            "{}, {}: now {}, at most {} in the last {}",
            self.name,
            self.unit,
            count(last),
            count(highest),
            span(self.span),
        );
        html! {
            svg.chart.(self.tone) viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(words) {
                title { (words) }
                @for value in ticks {
                    line.grid x1=(LEFT) x2=(RIGHT) y1=(place(y(value))) y2=(place(y(value))) {}
                    text.tick x=(LEFT - 6.0) y=(place(y(value) + 4.0)) text-anchor="end" { (short(value)) }
                }
                text.tick x=(LEFT) y=(HEIGHT - 4.0) { "−" (span(self.span)) }
                text.tick x=(RIGHT) y=(HEIGHT - 4.0) text-anchor="end" { "now" }
                @if self.points.len() > 1 {
                    polygon.area points=(format!("{first_x:.1},{BOTTOM} {curve} {last_x:.1},{BOTTOM}")) {}
                    polyline.line points=(curve) {}
                }
                circle.dot cx=(place(last_x)) cy=(place(y(last))) r="2.6" {}
            }
        }
    }
}

fn place(value: f64) -> String {
    format!("{value:.1}")
}

/// The distance between two lines: 1, 2 or 5 with noughts, so that there are four lines at most above
/// the lowest. Everything here is counted, so never less than one.
fn step(highest: f64) -> f64 {
    let mut tens = 1.0;
    loop {
        for step in [1.0, 2.0, 5.0] {
            let step = step * tens;
            if highest <= step * 3.0 || !highest.is_finite() {
                return step;
            }
        }
        tens *= 10.0;
    }
}

/// A round number in little room.
fn short(value: f64) -> String {
    let with = |divided: f64, letter: &str| {
        let digits = usize::from(divided.fract() > 0.01);
        format!("{divided:.digits$}{letter}")
    };
    if value >= 1_000_000.0 {
        with(value / 1_000_000.0, "M")
    } else if value >= 1_000.0 {
        with(value / 1_000.0, "k")
    } else {
        with(value, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[(f64, f64)]) -> String {
        let chart = Chart { name: "Waiting", unit: "items", tone: "calm", points, span: 120.0 };
        chart.draw().into_string()
    }

    #[test]
    fn lines_have_round_numbers_and_reach_over_the_curve() {
        for (highest, wanted) in
            [(0.0, 1.0), (3.0, 1.0), (3.5, 2.0), (7.0, 5.0), (16.0, 10.0), (20_000.0, 10_000.0)]
        {
            assert!((step(highest) - wanted).abs() < 1e-9, "{highest}: {}", step(highest));
        }
        assert_eq!([0.0, 5.0, 1_500.0, 20_000.0, 2e6].map(short), ["0", "5", "1.5k", "20k", "2M"]);
    }

    #[test]
    fn a_curve_stays_within_its_axes_whatever_its_points_are() {
        for points in [
            &[][..],
            &[(0.0, 0.0)],
            &[(-500.0, 3.0), (-60.0, 1_234_567.0), (0.0, 12.0)],
            &[(-120.0, 0.0), (0.0, 0.0)],
        ] {
            let drawn = chart(points);
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
            let curve = drawn.split("polyline class=\"line\" points=\"").nth(1);
            let Some(curve) = curve.and_then(|rest| rest.split('"').next()) else { continue };
            for point in curve.split(' ') {
                let (x, y) = point.split_once(',').unwrap();
                let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
                assert!((LEFT..=RIGHT).contains(&x) && (TOP..=BOTTOM).contains(&y), "{point}");
            }
        }
        assert!(
            chart(&[(0.0, 5.0)]).contains("Waiting, items: now 5, at most 5 in the last 2 min")
        );
    }
}
