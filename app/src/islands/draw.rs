//! Draws a chart and keeps it drawn: data, colours, size.

use super::{
    chart::ChartKind,
    echarts::{self, Chart},
    live_feed::Feed,
};
use crate::format;
use domain::{Range, Sample};
use leptos::prelude::*;
use serde_json::{Value, json};
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{CssStyleDeclaration, Element};

/// Charts of one page share their cross-hair.
const GROUP: &str = "traffic";

/// What saves a chart as an image.
pub struct Save {
    /// Where one says so.
    pub button: Option<Element>,
    /// What the image is called.
    pub file: String,
}

/// Draws into `element` for as long as the page lives.
pub async fn draw(element: Element, kind: ChartKind, option: String, live: bool, feed: Feed, save: Save) {
    let Some(chart) = echarts::start(&element, GROUP).await else {
        element.set_text_content(Some("The chart could not be loaded. The table below has its numbers."));
        return;
    };
    let chart = Rc::new(chart);
    if let Ok(option) = js_sys::JSON::parse(&option) {
        chart.set_option(&option);
    }
    name_units(&chart, kind);
    colour(&chart, kind);
    follow_theme(Rc::clone(&chart), kind);
    follow_save(Rc::clone(&chart), save);
    follow_size(Rc::clone(&chart), &element);
    Effect::new(move |_| {
        let data = if live {
            feed.state.with(|state| {
                let until = state.until;
                state.known.then(|| data(kind, &state.samples, until - Range::Live.seconds(), until, 1))
            })
        } else {
            feed.history.with(|series| {
                let series = series.as_ref()?;
                Some(data(kind, &series.samples, series.from, series.until, series.step))
            })
        };
        if let Some(data) = data {
            set(&chart, &data);
        }
    });
}

fn set(chart: &Chart, option: &Value) {
    if let Ok(option) = js_sys::JSON::parse(&option.to_string()) {
        chart.set_option(&option);
    }
}

/// The part of the option that holds the data. A step without a sample is a gap.
fn data<'a>(kind: ChartKind, samples: impl IntoIterator<Item = &'a Sample>, from: i64, until: i64, step: i64) -> Value {
    let lines = lines(kind);
    let mut columns = vec![Vec::new(); lines.len()];
    let mut samples = samples.into_iter().peekable();
    let mut at = from;
    while at < until {
        while samples.next_if(|sample| sample.at < at).is_some() {}
        let sample = samples.next_if(|sample| sample.at < at + step);
        for (column, line) in columns.iter_mut().zip(lines) {
            column.push(json!([at * 1_000, sample.and_then(line)]));
        }
        at += step;
    }
    let series: Vec<_> = columns.into_iter().map(|data| json!({ "data": data })).collect();
    json!({ "xAxis": { "min": from * 1_000, "max": until * 1_000 }, "series": series })
}

/// What each line of a chart takes from a sample, in the order of the option's series.
fn lines(kind: ChartKind) -> &'static [fn(&Sample) -> Option<f64>] {
    match kind {
        ChartKind::Requests => &[
            |sample| Some(sample.by_status.success as f64),
            |sample| Some(sample.by_status.redirection as f64),
            |sample| Some(sample.by_status.informational as f64),
            |sample| Some(sample.by_status.client_error as f64),
            |sample| Some(sample.by_status.server_error as f64),
        ],
        ChartKind::Latency => &[
            |sample| sample.latency_ms.map(|latency| latency.p50),
            |sample| sample.latency_ms.map(|latency| latency.p95),
            |sample| sample.latency_ms.map(|latency| latency.p99),
        ],
        ChartKind::Bytes => &[|sample| Some(sample.bytes_out as f64), |sample| Some(-(sample.bytes_in as f64))],
        ChartKind::InFlight => &[|sample| Some(sample.in_flight as f64), |sample| Some(sample.held as f64)],
    }
}

/// The custom properties that hold the colours of a chart's series.
fn colours(kind: ChartKind) -> &'static [&'static str] {
    match kind {
        ChartKind::Requests => &["--chart-2xx", "--chart-3xx", "--chart-1xx", "--chart-4xx", "--chart-5xx"],
        ChartKind::Latency => &["--chart-p50", "--chart-p95", "--chart-p99"],
        ChartKind::Bytes => &["--chart-out", "--chart-in"],
        ChartKind::InFlight => &["--chart-out", "--chart-4xx"],
    }
}

/// Takes the colours from the style sheet.
fn colour(chart: &Chart, kind: ChartKind) {
    let Some(style) = style() else { return };
    let property = |name: &str| property(&style, name);
    let (text, grid) = (property("--text-muted"), property("--border"));
    let palette: Vec<_> = colours(kind).iter().map(|name| property(name)).collect();
    let axis = json!({
        "axisLabel": { "color": text },
        "axisLine": { "lineStyle": { "color": grid } },
        "splitLine": { "lineStyle": { "color": grid } },
    });
    set(
        chart,
        &json!({
            "color": palette,
            "legend": { "textStyle": { "color": text }, "inactiveColor": grid },
            "xAxis": axis,
            "yAxis": axis,
            "tooltip": {
                "renderMode": "richText",
                "backgroundColor": property("--surface-raised"),
                "borderColor": grid,
                "textStyle": { "color": property("--text") },
                "axisPointer": { "lineStyle": { "color": text }, "crossStyle": { "color": text } },
            },
        }),
    );
}

/// Numbers with units, on the axis and under the pointer.
fn name_units(chart: &Chart, kind: ChartKind) {
    let text = Closure::<dyn Fn(JsValue) -> String>::new(move |value: JsValue| match value.as_f64() {
        None => format::NOTHING.into(),
        Some(value) => match kind {
            ChartKind::Requests | ChartKind::InFlight => format::count(value.abs() as u64),
            ChartKind::Latency => format::milliseconds(value),
            ChartKind::Bytes => format::bytes(value.abs() as u64),
        },
    })
    .into_js_value();
    let object = |name: &str, value: &JsValue| {
        let object = js_sys::Object::new();
        // Setting a property of a fresh object cannot fail.
        let _ = js_sys::Reflect::set(&object, &JsValue::from_str(name), value);
        object
    };
    let axis = object("axisLabel", &object("formatter", &text));
    let option = object("yAxis", &axis);
    let tooltip = object("valueFormatter", &text);
    let _ = js_sys::Reflect::set(&option, &JsValue::from_str("tooltip"), &tooltip);
    chart.set_option(&option);
}

fn follow_theme(chart: Rc<Chart>, kind: ChartKind) {
    let Ok(Some(dark)) = window().match_media("(prefers-color-scheme: dark)") else { return };
    leptos::task::spawn_local(async move {
        loop {
            super::browser::event(&dark, "change").await;
            colour(&chart, kind);
        }
    });
}

/// Saves what is drawn as an image of twice the size, on the colour behind it.
fn follow_save(chart: Rc<Chart>, Save { button, file }: Save) {
    let Some(button) = button else { return };
    leptos::task::spawn_local(async move {
        loop {
            super::browser::event(&button, "click").await;
            let background = style().map(|style| property(&style, "--surface")).unwrap_or_default();
            let options = json!({ "type": "png", "pixelRatio": 2, "backgroundColor": background });
            if let Ok(options) = js_sys::JSON::parse(&options.to_string()) {
                super::browser::save(&chart.data_url(&options), &file);
            }
        }
    });
}

fn style() -> Option<CssStyleDeclaration> {
    window().get_computed_style(&document().document_element()?).ok()?
}

fn property(style: &CssStyleDeclaration, name: &str) -> String {
    style.get_property_value(name).unwrap_or_default().trim().to_owned()
}

fn follow_size(chart: Rc<Chart>, element: &Element) {
    let resized = Closure::<dyn Fn()>::new(move || chart.resize()).into_js_value();
    if let Ok(observer) = web_sys::ResizeObserver::new(resized.unchecked_ref()) {
        observer.observe(element);
    }
}
