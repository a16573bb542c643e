//! Floor 4: the road of a request.

pub mod edge;
mod settings;

pub use settings::{
    HeaderValue, ListenerSettings, RouteService, Settings, SigningKeySource, TemplatePart,
};
