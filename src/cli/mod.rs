//! Floor 7: what a person types. The only floor that prints.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod check;
pub mod client_secret;
pub mod demo;
pub mod exit;
pub mod fake_apple;
pub mod health;
pub mod import;
pub mod policy;
pub mod run;

/// Russet, an identity-aware access proxy for Sign in with Apple
#[derive(Debug, Parser)]
#[command(name = "russet", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Without a command: run (Pomerium's command line)
    #[command(flatten)]
    run: run::Arguments,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve
    Run(run::Arguments),
    /// Read the configuration and say everything that is wrong with it
    Check(check::Arguments),
    /// Try policies without serving
    Policy(policy::Arguments),
    /// Mint Apple's client secret, or look into one
    ClientSecret(client_secret::Arguments),
    /// A whole (and fake) Apple for tests and staging
    FakeApple(fake_apple::Arguments),
    /// The main job on this machine: a fake Apple, two web apps, and Russet in front of them
    Demo(demo::Arguments),
    /// Translate the configuration of another program
    Import(import::Arguments),
    /// Ask a running Russet whether it is well
    Health(health::Arguments),
}

/// Runs what was typed.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let exit = match cli.command {
        None => run::run(&cli.run),
        Some(Command::Run(arguments)) => run::run(&arguments),
        Some(Command::Check(arguments)) => check::run(&arguments),
        Some(Command::Policy(arguments)) => policy::run(&arguments),
        Some(Command::ClientSecret(arguments)) => client_secret::run(&arguments),
        Some(Command::FakeApple(arguments)) => fake_apple::run(&arguments),
        Some(Command::Demo(arguments)) => demo::run(&arguments),
        Some(Command::Import(arguments)) => import::run(&arguments),
        Some(Command::Health(arguments)) => health::run(&arguments),
    };
    exit.into()
}
