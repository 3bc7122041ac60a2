//! Charts as SVG, drawn for the page: title, both axes named with their units, a legend.

use std::fmt::Write as _;

/// Size of a chart in its own units; the page scales it.
const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 320.0;
/// What is around the plot itself.
const LEFT: f64 = 74.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 50.0;
/// Told apart by people who do not see all colours.
const COLOURS: [&str; 5] = ["#0072b2", "#e69f00", "#d55e00", "#009e73", "#7a4fa3"];
/// What is drawn behind.
const BEHIND: &str = "#9aa3af";
/// More points than pixels would be are only bytes.
const MOST_POINTS: usize = 800;

/// A row of points with a name.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) points: Vec<(f64, f64)>,
    pub(super) look: Look,
}

/// How a row of points is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// From point to point.
    Plain,
    /// From point to point, and each point marked.
    Marked,
    /// Each value holds until the next.
    Steps,
    /// Behind the others, thin and grey.
    Behind,
}

/// A chart of lines.
pub(super) struct Chart {
    pub(super) title: String,
    /// Name and unit of the horizontal axis.
    pub(super) x: &'static str,
    /// Name and unit of the vertical axis.
    pub(super) y: &'static str,
    /// Whether the vertical axis is logarithmic; points at 0 are left out then.
    pub(super) log: bool,
    /// Whether axes begin near the least value, and not at 0.
    pub(super) near: bool,
    pub(super) lines: Vec<Line>,
}

impl Chart {
    /// The chart as an SVG element.
    pub(super) fn svg(&self) -> String {
        let all = || self.lines.iter().flat_map(|line| &line.points);
        let linear = |of: fn(&(f64, f64)) -> f64| {
            let most = all().map(of).fold(0.0, f64::max);
            let least = all().map(of).fold(f64::INFINITY, f64::min);
            if self.near { Axis::near(least, most) } else { Axis::linear(most) }
        };
        let x = linear(|point| point.0);
        let y = if self.log {
            let values = all().map(|point| point.1).filter(|value| *value > 0.0);
            Axis::logarithmic(
                values.clone().fold(f64::INFINITY, f64::min),
                values.fold(0.0, f64::max),
            )
        } else {
            linear(|point| point.1)
        };
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">\
             <text class=\"title\" x=\"{LEFT}\" y=\"22\">{title}</text>",
            title = escape(&self.title)
        );
        frame(&mut svg, &x, &y);
        let _ = write!(
            svg,
            "<text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\
             <text class=\"axis\" transform=\"translate(16 {}) rotate(-90)\" \
             text-anchor=\"middle\">{}</text>",
            f64::midpoint(LEFT, WIDTH - RIGHT),
            HEIGHT - 10.0,
            escape(self.x),
            f64::midpoint(TOP, HEIGHT - BOTTOM),
            escape(self.y)
        );
        let mut legend = LEFT;
        let mut colours = COLOURS.iter().copied().cycle();
        for line in &self.lines {
            let behind = line.look == Look::Behind;
            let next = if behind { None } else { colours.next() };
            let colour = next.unwrap_or(BEHIND);
            let width = if behind { "1" } else { "1.8" };
            if line.look == Look::Marked {
                marks(&mut svg, line, colour, (&x, &y));
            }
            let _ = write!(
                svg,
                "<path d=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" \
                 stroke-linejoin=\"round\"/><rect x=\"{legend}\" y=\"38\" width=\"14\" height=\"4\" \
                 fill=\"{colour}\"/><text class=\"axis\" x=\"{}\" y=\"44\">{}</text>",
                path(line, &x, &y),
                legend + 19.0,
                escape(line.name)
            );
            // About the width of the letters.
            legend += 44.0 + 6.6 * f64::from(u32::try_from(line.name.chars().count()).unwrap_or(0));
        }
        svg.push_str("</svg>");
        svg
    }
}

/// Distributions side by side: from fastest to slowest of a hundred, the middle half as a box, and the
/// slowest of a hundred marked.
pub(super) struct Boxes {
    pub(super) title: String,
    /// Name and unit of the horizontal axis.
    pub(super) x: &'static str,
    /// Name, and the values at 0 (or the fastest), 50, 90, 99 of a hundred and the slowest, above 0.
    pub(super) rows: Vec<(String, [f64; 5])>,
}

impl Boxes {
    /// The chart as an SVG element.
    pub(super) fn svg(&self) -> String {
        const NAMES: f64 = 250.0;
        const ROW: f64 = 26.0;
        let rows = f64::from(u32::try_from(self.rows.len()).unwrap_or(u32::MAX));
        let (top, height) = (44.0, 44.0 + rows * ROW + 50.0);
        let values = self.rows.iter().flat_map(|(_, values)| values).copied();
        let values = values.filter(|value| *value > 0.0);
        let axis = Axis::logarithmic(
            values.clone().fold(f64::INFINITY, f64::min),
            values.fold(0.0, f64::max),
        );
        let at = |value: f64| NAMES + axis.share(value) * (WIDTH - RIGHT - NAMES - 20.0);
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\">\
             <text class=\"title\" x=\"14\" y=\"22\">{title}</text>",
            title = escape(&self.title)
        );
        let bottom = top + rows * ROW;
        for tick in &axis.ticks {
            let x = at(*tick);
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{top}\" x2=\"{x:.1}\" y2=\"{bottom}\"/>\
                 <text class=\"tick\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                bottom + 16.0,
                number(*tick)
            );
        }
        for (row, (name, values)) in self.rows.iter().enumerate() {
            let y = top + ROW * (f64::from(u32::try_from(row).unwrap_or(0)) + 0.5);
            let [least, middle, ninety, hundredth, most] = values.map(at);
            let _ = write!(
                svg,
                "<text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\
                 <line x1=\"{least:.1}\" y1=\"{y}\" x2=\"{most:.1}\" y2=\"{y}\" class=\"whisker\"/>\
                 <rect x=\"{middle:.1}\" y=\"{}\" width=\"{:.1}\" height=\"12\" fill=\"{}\"/>\
                 <line x1=\"{hundredth:.1}\" y1=\"{}\" x2=\"{hundredth:.1}\" y2=\"{}\" \
                 stroke=\"{}\" stroke-width=\"3\"/>",
                NAMES - 10.0,
                y + 4.0,
                escape(name),
                y - 6.0,
                (ninety - middle).max(1.5),
                COLOURS[0],
                y - 8.0,
                y + 8.0,
                COLOURS[2]
            );
        }
        let _ = write!(
            svg,
            "<text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text></svg>",
            f64::midpoint(NAMES, WIDTH - RIGHT),
            height - 8.0,
            escape(self.x)
        );
        svg
    }
}

/// An axis: where it begins and ends, and its marks.
struct Axis {
    from: f64,
    to: f64,
    log: bool,
    ticks: Vec<f64>,
}

impl Axis {
    /// From 0 to a round number not below the largest value.
    fn linear(most: f64) -> Self {
        let most = if most > 0.0 && most.is_finite() { most } else { 1.0 };
        let unit = 10_f64.powf((most / 5.0).log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|times| times * unit);
        let step = steps.into_iter().find(|step| most / step <= 6.0).unwrap_or(10.0 * unit);
        let count = (most / step).ceil().max(1.0);
        let ticks = (0..=20_u32).map(f64::from).filter(|n| *n <= count).map(|n| n * step);
        Self { from: 0.0, to: count * step, log: false, ticks: ticks.collect() }
    }

    /// From a round number not above the least value to one not below the largest.
    fn near(least: f64, most: f64) -> Self {
        let sound = least.is_finite() && most.is_finite() && least < most;
        if !sound {
            return Self::linear(most);
        }
        let width = Self::linear(most - least);
        let step = width.ticks.get(1).copied().unwrap_or(1.0);
        let from = (least / step).floor() * step;
        let count = ((most - from) / step).ceil().max(1.0);
        let ticks = (0..=20_u32).map(f64::from).filter(|n| *n <= count);
        let ticks = ticks.map(|n| from + n * step).collect();
        Self { from, to: from + count * step, log: false, ticks }
    }

    /// From a power of ten to another.
    fn logarithmic(least: f64, most: f64) -> Self {
        let sound = least.is_finite() && least > 0.0 && most > 0.0;
        let (least, most) = if sound { (least, most) } else { (1.0, 10.0) };
        let from = least.log10().floor();
        let to = most.log10().ceil().max(from + 1.0);
        let powers = (-12..=15_i32).map(f64::from).filter(|n| (from..=to).contains(n));
        let ticks = powers.map(|n| 10_f64.powf(n)).collect();
        Self { from, to, log: true, ticks }
    }

    /// Where a value is, from 0 to 1.
    fn share(&self, value: f64) -> f64 {
        let value = if self.log { value.max(1e-12).log10() } else { value };
        ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }
}

fn place_x(axis: &Axis, value: f64) -> f64 {
    LEFT + axis.share(value) * (WIDTH - LEFT - RIGHT)
}

fn place_y(axis: &Axis, value: f64) -> f64 {
    HEIGHT - BOTTOM - axis.share(value) * (HEIGHT - TOP - BOTTOM)
}

/// Marks and the lines behind the plot.
fn frame(svg: &mut String, x: &Axis, y: &Axis) {
    for tick in &y.ticks {
        let at = place_y(y, *tick);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{}\" y2=\"{at:.1}\"/>\
             <text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            at + 4.0,
            number(*tick)
        );
    }
    for tick in &x.ticks {
        let at = place_x(x, *tick);
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{at:.1}\" y1=\"{}\" x2=\"{at:.1}\" y2=\"{}\"/>\
             <text class=\"tick\" x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - BOTTOM,
            HEIGHT - BOTTOM + 5.0,
            HEIGHT - BOTTOM + 18.0,
            number(*tick)
        );
    }
}

/// A dot at each point.
fn marks(svg: &mut String, line: &Line, colour: &str, (x, y): (&Axis, &Axis)) {
    for (at, value) in line.points.iter().filter(|point| !y.log || point.1 > 0.0) {
        let (px, py) = (place_x(x, *at), place_y(y, *value));
        let _ = write!(svg, "<circle cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"3.2\" fill=\"{colour}\"/>");
    }
}

fn path(line: &Line, x: &Axis, y: &Axis) -> String {
    let every = line.points.len().div_ceil(MOST_POINTS).max(1);
    let mut path = String::new();
    // Of points that share a pixel the highest is the one that must not be lost.
    for chunk in line.points.chunks(every) {
        let highest = chunk.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((at, value)) = highest.filter(|point| !y.log || point.1 > 0.0) else { continue };
        let (px, py) = (place_x(x, *at), place_y(y, *value));
        let _ = if path.is_empty() {
            write!(path, "M{px:.1} {py:.1}")
        } else if line.look == Look::Steps {
            write!(path, "H{px:.1}V{py:.1}")
        } else {
            write!(path, "L{px:.1} {py:.1}")
        };
    }
    path
}

/// A number on an axis, without digits that say nothing.
fn number(value: f64) -> String {
    if value >= 1_000_000.0 {
        format!("{}M", value / 1_000_000.0)
    } else if value >= 10_000.0 {
        format!("{}k", value / 1_000.0)
    } else {
        let text = format!("{value:.4}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        text.to_owned()
    }
}

/// Text as it may stand in HTML and its attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (most, to, ticks) in [(97.0, 100.0, 6), (1.0, 1.0, 6), (0.0, 1.0, 6), (430.0, 500.0, 6)]
        {
            let axis = Axis::linear(most);
            assert!(
                (axis.to - to).abs() < 1e-9 && axis.ticks.len() == ticks,
                "{most}: {}",
                axis.to
            );
        }
        let axis = Axis::near(372.0, 418.0);
        assert!(axis.from > 365.0 && axis.from <= 372.0 && axis.to >= 418.0 && axis.to < 425.0);
        assert!((axis.ticks[1] - axis.ticks[0] - 10.0).abs() < 1e-9, "{:?}", axis.ticks);
        let axis = Axis::logarithmic(0.3, 420.0);
        assert_eq!(
            axis.ticks.iter().map(|tick| number(*tick)).collect::<Vec<_>>(),
            ["0.1", "1", "10", "100", "1000"]
        );
        assert!((axis.share(10.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn of_many_points_the_peaks_stay() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|n| (f64::from(n), 1.0)).collect();
        points[4321].1 = 50.0;
        let line = Line { name: "a", points, look: Look::Plain };
        let (x, y) = (Axis::linear(10_000.0), Axis::linear(50.0));
        let path = path(&line, &x, &y);
        assert!(path.contains(&format!(" {:.1}", place_y(&y, 50.0))));
        assert!(path.matches('L').count() <= MOST_POINTS);
    }
}
