//! `spanbert web`: SpanBERT Studio in the browser, served by this machine to itself.

mod server;

use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;

use self::server::Site;
use super::{error::CliError, flags::JsonArgs, output};

/// What the folder lies beside the program as, or in `share/spanbert` beside the program's folder.
const FOLDER: &str = "web";
/// How it is made.
const BUILD: &str = "bash .ci/web/build.sh";
/// What a folder of the page has at least.
const NEEDED: [&str; 4] = ["index.html", "spanbert_web.js", "spanbert_web_bg.wasm", "worker.js"];

/// Open SpanBERT Studio in the browser, where models run too; served from this machine to this machine alone.
#[derive(Debug, Args)]
#[command(after_help = "\
The page is a folder named `web` beside this program, or `share/spanbert/web` beside the program's folder. In a checkout,
`bash .ci/web/build.sh target/release/web --app` builds it beside target/release/spanbert.

Any other web host can serve the folder, too: static files, which ask no other host for anything. Those that end in .br and .gz are the
same files compressed, for hosts that send them under the original's name with Content-Encoding.")]
pub(super) struct WebCommand {
    /// Folder of the page [default: web, beside this program].
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// Do not open a browser; only say the address.
    #[arg(long)]
    no_open: bool,
    #[command(flatten)]
    output: JsonArgs,
}

#[derive(Serialize)]
struct Served<'a> {
    address: &'a str,
    folder: &'a Path,
}

impl WebCommand {
    /// Runs the command, until it is ended.
    pub(super) fn run(&self) -> Result<(), CliError> {
        let folder = match &self.folder {
            Some(folder) => folder.clone(),
            None => beside_program().ok_or_else(no_page)?,
        };
        let site = Site::read(&folder, &NEEDED)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).map_err(|error| {
            CliError::new(
                format_args!("port {}: cannot listen: {error}", self.port),
                "give another --port, or none",
            )
        })?;
        let port = listener.local_addr().map_or(self.port, |address| address.port());
        let address = format!("http://{}:{port}/", Ipv4Addr::LOCALHOST);
        if self.output.json {
            output::json(&Served { address: &address, folder: &folder })?;
        } else {
            output::line(format_args!("SpanBERT Studio is at {address} until Ctrl-C"))?;
        }
        if !self.no_open
            && let Err(error) = opener::open_browser(&address)
        {
            output::warn(format_args!("no browser was opened ({error}); open {address} in one"));
        }
        site.serve(&listener)
    }
}

/// The page that was installed with this program.
fn beside_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let here = program.parent()?;
    let shared = here.parent().map(|above| above.join("share/spanbert").join(FOLDER));
    [Some(here.join(FOLDER)), shared].into_iter().flatten().find(|folder| folder.join(NEEDED[0]).is_file())
}

fn no_page() -> CliError {
    let here = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join(FOLDER)));
    CliError::new(
        match &here {
            Some(folder) => format!("there is no page for browsers in {}", folder.display()),
            None => "there is no page for browsers beside this program".to_owned(),
        },
        format_args!(
            "build it in a checkout: `{BUILD} {} --app`, or name a folder that has it with --folder",
            here.as_deref().unwrap_or_else(|| Path::new("DIR")).display()
        ),
    )
}
