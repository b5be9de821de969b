//! `spanbert completions`: commands and flags completed by the shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, error::CliError, output};

/// Print a script that makes the Tab key complete commands and flags in a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bash        spanbert completions bash > ~/.local/share/bash-completion/completions/spanbert
  zsh         spanbert completions zsh > ~/.zfunc/_spanbert      (a folder in $fpath)
  fish        spanbert completions fish > ~/.config/fish/completions/spanbert.fish
  PowerShell  spanbert completions powershell >> $PROFILE
  Elvish      spanbert completions elvish >> ~/.config/elvish/rc.elv")]
pub(super) struct CompletionsCommand {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

impl CompletionsCommand {
    /// Runs the command.
    pub(super) fn run(&self) -> Result<(), CliError> {
        output::print(&script(self.shell))
    }
}

/// The script of a shell.
fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "spanbert", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_shell_learns_every_command_and_its_flags() {
        for shell in Shell::value_variants() {
            let script = script(*shell);
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
            for flag in ["passage", "null-odds", "learning-rate"] {
                assert!(script.contains(flag), "{shell}: {flag}");
            }
        }
    }
}
