//! What the server refuses, and how it says so.

/// The exception a fault's detail names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    InvalidCredentials,
    InvalidData,
    NoSuchContext,
    NoSuchUser,
    NoSuchGroup,
    NoSuchResource,
    ContextExists,
    UserExists,
    Storage,
    /// No exception of the product: a null pointer or the like, without detail.
    Plain,
}

impl Class {
    /// Name of the exception; empty for [`Class::Plain`].
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::InvalidCredentials => "InvalidCredentialsException",
            Self::InvalidData => "InvalidDataException",
            Self::NoSuchContext => "NoSuchContextException",
            Self::NoSuchUser => "NoSuchUserException",
            Self::NoSuchGroup => "NoSuchGroupException",
            Self::NoSuchResource => "NoSuchResourceException",
            Self::ContextExists => "ContextExistsException",
            Self::UserExists => "UserExistsException",
            Self::Storage => "StorageException",
            Self::Plain => "",
        }
    }
}

/// Who is to blame, in the words of SOAP 1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Server,
    Client,
    MustUnderstand,
    VersionMismatch,
}

impl Code {
    /// The fault code without its prefix.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Server => "Server",
            Self::Client => "Client",
            Self::MustUnderstand => "MustUnderstand",
            Self::VersionMismatch => "VersionMismatch",
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    /// Name of the exception in the detail; empty: no detail.
    pub(crate) class: &'static str,
    /// The text without exception ids; `exceptionID=#` in it is filled in when it is written.
    pub(crate) text: String,
    /// How many `; exceptionId` tails follow the text: one for each exception it passed through.
    pub(crate) tails: u8,
}

impl Fault {
    /// A fault of the product with one tail.
    pub(crate) fn new(class: Class, text: impl Into<String>) -> Self {
        let tails = u8::from(class != Class::Plain);
        Self { code: Code::Server, class: class.name(), text: text.into(), tails }
    }

    /// A message the server cannot take for a request.
    pub(crate) fn client(text: impl Into<String>) -> Self {
        Self { code: Code::Client, class: "", text: text.into(), tails: 0 }
    }

    pub(crate) fn credentials() -> Self {
        Self::new(Class::InvalidCredentials, "Authentication failed")
    }

    pub(crate) fn data(text: impl Into<String>) -> Self {
        Self::new(Class::InvalidData, text)
    }

    pub(crate) fn storage(text: impl Into<String>) -> Self {
        Self::new(Class::Storage, text)
    }

    pub(crate) fn no_context(id: i64) -> Self {
        Self::new(Class::NoSuchContext, format!("Context {id} does not exist"))
    }

    pub(crate) fn no_user(user: impl std::fmt::Display, context: u32) -> Self {
        Self::new(Class::NoSuchUser, format!("No such user {user} in context {context}"))
    }

    /// An object addressed by a name that does not exist: the text comes nested in the names of
    /// the exceptions it passed through.
    pub(crate) fn no_name(class: Class, what: &str, name: &str, context: u32) -> Self {
        let text = format!(
            "com.openexchange.admin.rmi.exceptions.NoSuchObjectException: \
             com.openexchange.admin.rmi.exceptions.{}: No such {what} {name} in context {context}",
            class.name()
        );
        Self { tails: 3, ..Self::new(class, text) }
    }

    /// The same fault as it comes out of a storage that wrapped it.
    pub(crate) fn wrapped(self) -> Self {
        if self.class == Class::Storage.name() {
            return self;
        }
        let text = format!("com.openexchange.admin.rmi.exceptions.{}: {}", self.class, self.text);
        Self { tails: self.tails.saturating_add(1), ..Self::storage(text) }
    }
}
