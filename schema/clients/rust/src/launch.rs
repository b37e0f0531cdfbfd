//! Which program serves, and how it is started.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::error::{Error, Result};

/// The environment variable that names the program.
const VARIABLE: &str = "SIM_SIDECAR";
const NAME: &str = "sim-sidecar";

/// The command that serves a database.
#[derive(Clone, Debug)]
pub struct Launch {
    command: Vec<OsString>,
    database: Option<PathBuf>,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
}

impl Launch {
    /// Returns the command of these words, such as the path of the program.
    pub fn command<I, S>(words: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: Into<OsString>,
    {
        Self {
            command: words.into_iter().map(Into::into).collect(),
            database: None,
            arguments: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// Returns the command of the program that is found: the one that the environment variable
    /// `SIM_SIDECAR` names, else the one in the folder `sim-sidecar` beside this program or in its
    /// resources, else `sim-sidecar` on the `PATH`.
    pub fn lookup() -> Self {
        Self::lookup_in::<[&Path; 0]>([])
    }

    /// Returns the command of the program that is found; the folder `sim-sidecar` is looked for in
    /// these places first. A Tauri app gives its resource folder.
    pub fn lookup_in<I>(places: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<Path>,
    {
        if let Some(path) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
            return Self::command([path]);
        }
        let mut folders: Vec<PathBuf> =
            places.into_iter().map(|place| place.as_ref().to_owned()).collect();
        if let Some(beside) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
            folders.push(beside.to_owned());
            folders.push(beside.join("resources"));
            folders.push(beside.join("../Resources"));
        }
        let file = format!("{NAME}{}", std::env::consts::EXE_SUFFIX);
        let found = folders.into_iter().map(|at| at.join(NAME).join(&file)).find(|at| at.is_file());
        Self::command([found.map_or_else(|| OsString::from(NAME), PathBuf::into_os_string)])
    }

    /// Sets the database file.
    pub fn database(mut self, path: impl Into<PathBuf>) -> Self {
        self.database = Some(path.into());
        self
    }

    /// Adds an argument of `sim-sidecar serve`.
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets an environment variable of the process.
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Returns the program that is run.
    pub fn program(&self) -> &OsStr {
        self.command.first().map_or(OsStr::new(NAME), OsString::as_os_str)
    }

    /// Starts the process with pipes, on Windows without a window.
    pub(crate) fn spawn(&self) -> Result<Child> {
        let mut command = Command::new(self.program());
        command.args(self.command.iter().skip(1)).arg("serve");
        if let Some(path) = &self.database {
            command.arg("--database").arg(path);
        }
        command
            .args(&self.arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        hide_window(&mut command);
        command.spawn().map_err(|error| Error::Spawn {
            program: self.program().to_string_lossy().into_owned(),
            error,
        })
    }
}

#[cfg(windows)]
fn hide_window(command: &mut Command) {
    use std::os::windows::process::CommandExt;
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    command.creation_flags(CREATE_NO_WINDOW);
}

#[cfg(not(windows))]
fn hide_window(_command: &mut Command) {}
