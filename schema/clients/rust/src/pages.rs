//! Lists that come in pages.

use std::collections::VecDeque;

use serde::de::DeserializeOwned;
use serde::Serialize;

use crate::client::Client;
use crate::error::Result;

/// Params that ask for a page.
pub trait Paged: Serialize {
    /// The result.
    type Page: Page;
    /// The method.
    const METHOD: &'static str;
    /// Asks for the page that begins at this cursor.
    fn set_cursor(&mut self, cursor: String);
}

/// A result that is a page.
pub trait Page: DeserializeOwned {
    /// What is listed.
    type Item;
    /// Returns the cursor of the next page, if there is one.
    fn next_cursor(&self) -> Option<&str>;
    /// Returns the items of the page.
    fn into_items(self) -> Vec<Self::Item>;
}

/// The pages of a list, each of which is requested on demand. After an error it ends.
pub struct Pages<'a, P: Paged> {
    client: &'a Client,
    next: Option<P>,
}

impl<'a, P: Paged> Pages<'a, P> {
    pub(crate) fn new(client: &'a Client, params: P) -> Self {
        Self { client, next: Some(params) }
    }

    /// Returns the items of all pages, one by one.
    pub fn items(self) -> Items<'a, P> {
        Items { pages: self, waiting: VecDeque::new() }
    }
}

impl<P: Paged> Iterator for Pages<'_, P> {
    type Item = Result<P::Page>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut params = self.next.take()?;
        let page: Result<P::Page> = self.client.call(P::METHOD, &params);
        if let Some(cursor) = page.as_ref().ok().and_then(|page| page.next_cursor()) {
            params.set_cursor(cursor.to_owned());
            self.next = Some(params);
        }
        Some(page)
    }
}

/// The items of all pages of a list.
pub struct Items<'a, P: Paged> {
    pages: Pages<'a, P>,
    waiting: VecDeque<<P::Page as Page>::Item>,
}

impl<P: Paged> Iterator for Items<'_, P> {
    type Item = Result<<P::Page as Page>::Item>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.waiting.pop_front() {
                return Some(Ok(item));
            }
            match self.pages.next()? {
                Ok(page) => self.waiting.extend(page.into_items()),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
