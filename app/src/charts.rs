//! Charts as ECharts options: everything but the data and the colours, which the browser fills in.

use crate::islands::ChartKind;
use charming::{
    Chart,
    component::{Axis, Grid, Legend},
    element::{
        AreaStyle, AxisPointer, AxisPointerType, AxisTick, AxisType, LineStyle, SplitLine, Symbol, Tooltip, Trigger,
    },
    series::{Bar, Line},
};

/// The option of a chart, as JSON.
pub fn option(kind: ChartKind) -> String {
    let chart = match kind {
        ChartKind::Requests => ["2xx", "3xx", "1xx", "4xx", "5xx"]
            .into_iter()
            .fold(frame(), |chart, class| chart.series(Bar::new().name(class).stack("requests").bar_width("80%"))),
        ChartKind::Latency => {
            ["p50", "p95", "p99"].into_iter().fold(frame(), |chart, name| chart.series(percentile(name)))
        }
        ChartKind::Bytes => ["Answers", "Requests"].into_iter().fold(frame(), |chart, name| chart.series(flow(name))),
        ChartKind::InFlight => {
            ["Under way", "Waiting"].into_iter().fold(frame(), |chart, name| chart.series(flow(name)))
        }
    };
    // charming does not know `renderMode`. The tooltip is drawn on the canvas, because as HTML it would need inline
    // styles, which the dashboard's content security policy forbids.
    let mut option = serde_json::json!(chart);
    option["tooltip"]["renderMode"] = "richText".into();
    option.to_string()
}

/// What all charts have in common.
fn frame() -> Chart {
    Chart::new()
        .animation(false)
        .tooltip(
            Tooltip::new()
                .trigger(Trigger::Axis)
                .axis_pointer(AxisPointer::new().type_(AxisPointerType::Line).animation(false)),
        )
        .legend(Legend::new().top(0).right(0).item_width(12).item_height(8))
        .grid(Grid::new().left(16).right(12).top(32).bottom(4).contain_label(true))
        .x_axis(Axis::new().type_(AxisType::Time).split_line(SplitLine::new().show(false)))
        .y_axis(Axis::new().type_(AxisType::Value).min_interval(1.0).axis_tick(AxisTick::new().show(false)))
}

/// With symbols, because a point between two gaps has no line to be seen by.
fn percentile(name: &str) -> Line {
    Line::new().name(name).symbol(Symbol::Circle).symbol_size(3).line_style(LineStyle::new().width(1.5))
}

fn flow(name: &str) -> Line {
    Line::new()
        .name(name)
        .symbol(Symbol::Circle)
        .symbol_size(2)
        .line_style(LineStyle::new().width(1))
        .area_style(AreaStyle::new().opacity(0.35))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_json_without_scripts() {
        let kinds =
            [(ChartKind::Requests, 5), (ChartKind::Latency, 3), (ChartKind::Bytes, 2), (ChartKind::InFlight, 2)];
        for (kind, series) in kinds {
            let text = option(kind);
            let value: serde_json::Value =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(value["series"].as_array().map(Vec::len), Some(series), "{text}");
            assert_eq!(value["tooltip"]["renderMode"], "richText");
            assert_eq!(value["xAxis"]["type"], "time", "{text}");
            assert_eq!(value["animation"], false);
            assert!(!text.contains("function"), "{text}");
        }
    }

    #[test]
    fn classes_are_stacked_on_each_other() {
        let value: serde_json::Value = serde_json::from_str(&option(ChartKind::Requests)).unwrap_or_default();
        let stacks: Vec<_> = value["series"].as_array().into_iter().flatten().map(|series| &series["stack"]).collect();
        assert!(stacks.iter().all(|stack| *stack == "requests"), "{stacks:?}");
    }
}
