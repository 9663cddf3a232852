//! A labelled field of a form with its rule and, when it comes back, what was wrong with it.

use crate::{components::form::FormState, markup::raw_text};
use leptos::prelude::*;
use std::borrow::Cow;

/// A field, described step by step.
#[derive(Debug, Clone)]
pub struct Field {
    label: Cow<'static, str>,
    name: Cow<'static, str>,
    id: String,
    kind: &'static str,
    value: Option<String>,
    autocomplete: Option<&'static str>,
    hint: Option<&'static str>,
    placeholder: Option<&'static str>,
    error: Option<String>,
    required: bool,
    needed: bool,
    length: (Option<u16>, Option<u16>),
    range: Option<(u32, u32)>,
    rows: Option<u8>,
    list: Option<&'static str>,
}

impl Field {
    /// A field for one line of text. `form` tells it apart from fields of the same name in other forms of the page.
    pub fn text(form: &str, name: impl Into<Cow<'static, str>>, label: impl Into<Cow<'static, str>>) -> Self {
        let name = name.into();
        Self {
            label: label.into(),
            id: format!("{form}-{name}"),
            name,
            kind: "text",
            value: None,
            autocomplete: None,
            hint: None,
            placeholder: None,
            error: None,
            required: false,
            needed: false,
            length: (None, None),
            range: None,
            rows: None,
            list: None,
        }
    }

    /// The field for the address one signs in with.
    pub fn email(form: &str) -> Self {
        let field = Self::text(form, "email", "E-mail address");
        Self { kind: "email", autocomplete: Some("username"), length: (None, Some(254)), ..field }.required()
    }

    /// The field for how many requests may come in a time.
    pub fn rate(form: &str) -> Self {
        Self::text(form, "rate_limit", "Requests in a time").at_most(60).placeholder("1000/60 burst 2000")
    }

    /// It takes a one-time password, which devices may fill in.
    pub fn one_time(self) -> Self {
        Self { autocomplete: Some("one-time-code"), ..self }
    }

    /// The field for a password that exists.
    pub fn current_password(form: &str, name: &'static str, label: &'static str) -> Self {
        let field = Self::text(form, name, label);
        Self { kind: "password", autocomplete: Some("current-password"), ..field }.required()
    }

    /// The field for a password to be chosen.
    pub fn new_password(form: &str, name: &'static str, label: &'static str) -> Self {
        let field = Self::text(form, name, label);
        let length = (Some(8), Some(128));
        Self { kind: "password", autocomplete: Some("new-password"), length, ..field }.required()
    }

    /// A field for a whole number.
    pub fn number(form: &str, name: &'static str, label: &'static str, least: u32, most: u32) -> Self {
        let field = Self::text(form, name, label);
        Self { kind: "number", range: Some((least, most)), ..field }
    }

    /// It must be filled in.
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// It must be filled in where it is shown: browsers do not say so of fields that a choice has hidden.
    pub fn needed(self) -> Self {
        Self { needed: true, ..self }
    }

    /// The rule, told before anything is typed.
    pub fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// An example.
    pub fn placeholder(self, placeholder: &'static str) -> Self {
        Self { placeholder: Some(placeholder), ..self }
    }

    /// At most so many characters.
    pub fn at_most(self, characters: u16) -> Self {
        Self { length: (self.length.0, Some(characters)), ..self }
    }

    /// So many lines instead of one.
    pub fn lines(self, rows: u8) -> Self {
        Self { rows: Some(rows), ..self }
    }

    /// Offers the entries of a `datalist` of the page, see [`offers`](super::choice::offers).
    pub fn offering(self, list: &'static str) -> Self {
        Self { list: Some(list), ..self }
    }

    /// What it holds at first.
    pub fn value(self, value: impl Into<String>) -> Self {
        Self { value: Some(value.into()), ..self }
    }

    /// What it held and what was wrong with it, when the form comes back.
    pub fn state(mut self, form: &FormState) -> Self {
        if form.is_refused() && self.kind != "password" {
            self.value = form.value(&self.name).or(self.value);
        }
        self.error = form.error_of(&self.name);
        self
    }

    /// The HTML.
    pub fn view(self) -> AnyView {
        let hint_id = self.hint.map(|_| format!("{}-hint", self.id));
        let error_id = self.error.as_ref().map(|_| format!("{}-error", self.id));
        let described: Vec<_> = [error_id.clone(), hint_id.clone()].into_iter().flatten().collect();
        let described = (!described.is_empty()).then(|| described.join(" "));
        let (label, id) = (self.label.clone(), self.id.clone());
        let optional =
            (!self.required && !self.needed).then(|| view! { <span class="field-optional">"optional"</span> });
        let hint = self.hint.map(|text| view! { <p class="field-hint" id=hint_id>{text}</p> });
        let error = self.error.clone().map(|text| view! { <p class="field-error" id=error_id>{text}</p> });
        let control = self.control(described);
        view! {
            <div class="field">
                <label for=id>{label} {optional}</label>
                {error}
                {control}
                {hint}
            </div>
        }
        .into_any()
    }

    fn control(self, described: Option<String>) -> AnyView {
        let invalid = self.error.is_some().then_some("true");
        let (shortest, longest) = self.length;
        match self.rows {
            Some(rows) => view! {
                <textarea
                    id=self.id
                    name=self.name
                    rows=rows
                    maxlength=longest
                    placeholder=self.placeholder
                    aria-invalid=invalid
                    aria-describedby=described
                    autofocus=invalid.is_some()
                    spellcheck="false"
                >
                    {self.value.as_deref().map(raw_text)}
                </textarea>
            }
            .into_any(),
            None => view! {
                <input
                    id=self.id
                    type=self.kind
                    name=self.name
                    value=self.value
                    minlength=shortest
                    maxlength=longest
                    min=self.range.map(|(least, _)| least)
                    max=self.range.map(|(_, most)| most)
                    list=self.list
                    autocomplete=self.autocomplete
                    placeholder=self.placeholder
                    required=self.required
                    aria-invalid=invalid
                    aria-describedby=described
                    autofocus=invalid.is_some()
                    autocapitalize="none"
                    spellcheck="false"
                />
            }
            .into_any(),
        }
    }
}
