//! The little of ECharts that is used. The library is a script of its own, loaded only by pages with charts.

use super::browser;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// A drawn chart.
    pub type Chart;

    #[wasm_bindgen(js_namespace = echarts, catch)]
    fn init(element: &web_sys::Element, theme: JsValue, options: JsValue) -> Result<Chart, JsValue>;

    /// Makes the charts of a group share their cross-hair.
    #[wasm_bindgen(js_namespace = echarts)]
    pub fn connect(group: &str);

    /// Merges an option into the present one.
    #[wasm_bindgen(method, js_name = setOption)]
    pub fn set_option(this: &Chart, option: &JsValue);

    /// What is drawn, as the address of an image.
    #[wasm_bindgen(method, js_name = getDataURL)]
    pub fn data_url(this: &Chart, options: &JsValue) -> String;

    /// Follows the size of the element.
    #[wasm_bindgen(method)]
    pub fn resize(this: &Chart);

    #[wasm_bindgen(method, setter)]
    fn set_group(this: &Chart, group: &str);
}

/// The id of the script on pages with charts. Not the library's own name: an element's id is a property of `window`, so
/// the library would seem to be loaded as soon as its element is there.
const SCRIPT: &str = "echarts-script";
/// Milliseconds that the library may take to load.
const PATIENCE: u32 = 30_000;

/// A chart of the group in `element`, once the library is there; `None` when it does not come.
pub async fn start(element: &web_sys::Element, group: &str) -> Option<Chart> {
    if !is_loaded()
        && let Some(script) = document().get_element_by_id(SCRIPT)
    {
        browser::event_within(&script, "load", PATIENCE).await;
    }
    if !is_loaded() {
        return None;
    }
    let chart = init(element, JsValue::NULL, JsValue::UNDEFINED).ok()?;
    chart.set_group(group);
    connect(group);
    Some(chart)
}

fn is_loaded() -> bool {
    js_sys::Reflect::has(&window(), &JsValue::from_str("echarts")).unwrap_or(false)
}
