//! What holds of the repository as a whole: its layers, its dependencies, what it deploys, and its front page.

mod dependencies;
mod deploy;
mod layers;
mod manifest;
mod readme;
