//! The macros behind the generated module: what each of its tables becomes.

/// Defines an enumeration of names; a name of a later version of the contract is `Other`.
macro_rules! vocabulary {
    (
        $(#[doc = $text:literal])*
        $name:ident { $( $(#[doc = $sentence:literal])* $variant:ident = $value:literal, )* }
    ) => {
        $(#[doc = $text])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[doc = $sentence])* $variant, )*
            /// A name that a later version of the contract has added.
            Other(String),
        }

        impl $name {
            /// Returns the name as it is sent.
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $value, )*
                    Self::Other(name) => name,
                }
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                match name {
                    $( $value => Self::$variant, )*
                    _ => Self::Other(name.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(
                from: D,
            ) -> std::result::Result<Self, D::Error> {
                let name = std::borrow::Cow::<'de, str>::deserialize(from)?;
                Ok(Self::from(name.as_ref()))
            }
        }
    };
}

/// Defines the enumeration of the errors that the process answers with, by their slugs.
macro_rules! errors {
    ( $( $(#[doc = $text:literal])* $variant:ident($data:ty) = $slug:literal, )* ) => {
        /// An error that the process has answered with.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum SidecarError {
            $( $(#[doc = $text])* $variant(crate::error::Failure<$data>), )*
            /// An error that a later version of the contract has added.
            Other(crate::error::Failure<Box<RawValue>>),
        }

        impl SidecarError {
            /// Returns the error that an error object of JSON-RPC stands for.
            pub fn decode(object: &RawValue) -> Self {
                let raw = crate::error::Failure::<Box<RawValue>>::decode(object);
                match raw.slug.as_str() {
                    $( $slug => match raw.typed::<$data>() {
                        Some(typed) => Self::$variant(typed),
                        None => Self::Other(raw),
                    }, )*
                    _ => Self::Other(raw),
                }
            }

            /// Returns the stable name of the error.
            pub fn slug(&self) -> &str {
                match self { $( Self::$variant(it) => &it.slug, )* Self::Other(it) => &it.slug }
            }

            /// Returns the code of the error.
            pub fn code(&self) -> i64 {
                match self { $( Self::$variant(it) => it.code, )* Self::Other(it) => it.code }
            }

            /// Returns the sentence about the error, for people.
            pub fn message(&self) -> &str {
                match self {
                    $( Self::$variant(it) => &it.message, )*
                    Self::Other(it) => &it.message,
                }
            }

            /// Returns whether the same request may succeed later.
            pub fn retryable(&self) -> bool {
                match self {
                    $( Self::$variant(it) => it.retryable, )*
                    Self::Other(it) => it.retryable,
                }
            }
        }
    };
}

/// Defines the enumeration of the notifications that the process sends.
macro_rules! notifications {
    ( $( $(#[doc = $text:literal])* $variant:ident($params:ty) = $method:literal, )* ) => {
        /// A notification of the process.
        #[derive(Clone, Debug)]
        #[non_exhaustive]
        pub enum Notification {
            $( $(#[doc = $text])* $variant($params), )*
            /// One that a later version of the contract has added.
            Other {
                /// The name of the notification.
                method: String,
                /// Its params, as they were sent.
                params: Box<RawValue>,
            },
        }

        impl Notification {
            /// Returns the notification of that name with these params.
            pub fn decode(method: &str, params: &RawValue) -> Result<Self> {
                Ok(match method {
                    $( $method => Self::$variant(serde_json::from_str(params.get())?), )*
                    _ => Self::Other { method: method.to_owned(), params: params.to_owned() },
                })
            }

            /// Returns the notification as the message that it was sent as.
            pub fn to_message(&self) -> Result<String> {
                let (method, params) = match self {
                    $( Self::$variant(params) => ($method, serde_json::to_string(params)?), )*
                    Self::Other { method, params } => (method.as_str(), params.get().to_owned()),
                };
                let method = serde_json::Value::from(method);
                Ok(format!(r#"{{"jsonrpc":"2.0","method":{method},"params":{params}}}"#))
            }

            /// Returns the name of the notification.
            pub fn method(&self) -> &str {
                match self {
                    $( Self::$variant(_) => $method, )*
                    Self::Other { method, .. } => method,
                }
            }
        }
    };
}

/// Makes a page of a result, and of its params what asks for the next one.
macro_rules! paged {
    ($params:ty, $page:ty, $item:ty, $method:literal) => {
        impl Paged for $params {
            type Page = $page;
            const METHOD: &'static str = $method;

            fn set_cursor(&mut self, cursor: String) {
                self.cursor = Some(cursor);
            }
        }

        impl Page for $page {
            type Item = $item;

            fn next_cursor(&self) -> Option<&str> {
                self.next_cursor.as_deref()
            }

            fn into_items(self) -> Vec<$item> {
                self.items
            }
        }
    };
}
