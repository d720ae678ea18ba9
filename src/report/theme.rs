//! Colours, fonts and the style sheet that all pictures share, in light and dark.
//!
//! The colours of the categories are those of Paul Tol's "muted" and "bright" schemes, which stay
//! distinct with the common forms of colour blindness (Tol, "Colour Schemes", SRON/EPS/TN/09-002).

use super::diagram::Category;

/// The fonts, in order of preference; [`text::width`](super::text::width) is an upper estimate for the first ones.
pub const FONTS: &str =
    "'Helvetica Neue',Helvetica,Arial,'Liberation Sans','DejaVu Sans Condensed',sans-serif";

/// The colour of a category and whether text on it is white.
pub fn colour(category: Category) -> (&'static str, bool) {
    match category {
        Category::Data => ("#117733", true),
        Category::Convolution => ("#3f6fb0", true),
        Category::Pooling => ("#3fa796", false),
        Category::Dense => ("#332288", true),
        Category::Activation => ("#e3b448", false),
        Category::Normalisation => ("#88ccee", false),
        Category::Loss => ("#882255", true),
        Category::Shape => ("#6b7280", true),
        Category::Elementwise => ("#999933", false),
        Category::Recurrent => ("#aa4499", true),
        Category::Regularisation => ("#ddcc77", false),
        Category::Metric => ("#cc6677", false),
        Category::Unknown => ("#c4c7cc", false),
    }
}

/// Colours of shared parameters and of classes and runs in plots: ten that differ in hue and lightness.
pub const SERIES: [&str; 10] = [
    "#4477aa", "#ee6677", "#228833", "#ccaa22", "#aa3377", "#33a5c4", "#ee8833", "#44337a",
    "#8c6d4f", "#7f8790",
];

/// The colour of what gradients come through: the blue of Okabe and Ito's scheme for all forms of colour blindness.
pub const GRADIENT: &str = "#0072b2";

/// The colour of the `index`th series; they repeat after ten.
pub fn series(index: usize) -> &'static str {
    SERIES[index % SERIES.len()]
}

/// The rules that diagrams and plots share. Renderers without media queries show the light ones.
fn base_css() -> String {
    format!(
        "text{{font-family:{FONTS};font-size:11px;fill:#3d4450}}\
         .paper{{fill:#ffffff}}\
         .title{{font-size:17px;font-weight:bold;fill:#16191f}}\
         .subtitle{{font-size:12px;fill:#5d6673}}"
    )
}

/// The dark counterpart of [`base_css`], to stand inside a media query.
const BASE_DARK: &str =
    "text{fill:#c3cad5}.paper{fill:#15181d}.title{fill:#f2f4f7}.subtitle{fill:#9aa4b2}";

/// A complete style sheet from light rules and the dark ones that override them.
pub fn style(light: &str, dark: &str) -> String {
    format!(
        "<style>{}{light}@media (prefers-color-scheme:dark){{{BASE_DARK}{dark}}}</style>",
        base_css()
    )
}

/// The rules of a diagram: light, then dark.
pub fn diagram_css() -> (String, String) {
    let mut light = String::from(
        ".box{fill:#ffffff;stroke:#aab2bd;stroke-width:1}\
         .end{stroke:#882255;stroke-width:4}\
         .name{font-size:12.5px;font-weight:bold;fill:#1c2027}\
         .on-dark{fill:#ffffff}.on-light{fill:#1c2027}\
         .kind{font-size:11px}.detail{fill:#4a5260}.quiet{fill:#6d7683}\
         .wire{fill:none;stroke:#7c8795;stroke-width:1.5;stroke-linecap:round}\
         .wire.label-role{stroke-width:1;stroke:#9aa3af}\
         .dashed{stroke-dasharray:5 4}\
         .head{fill:#7c8795}.head.label-role{fill:#9aa3af}\
         .blob{font-size:10.5px;fill:#5d6673}\
         .pill{fill:#eef1f5;stroke:#aab2bd;stroke-width:1}\
         .cluster{fill:#f4f6f9;stroke:#d9dee5;stroke-width:1}\
         .cluster-title{font-size:11px;font-weight:bold;fill:#6d7683}\
         .tie{fill:none;stroke-width:1.2;stroke-dasharray:2 3;stroke-linecap:round}\
         .chip{fill:#f4f6f9}\
         .error{stroke:#d32f2f;stroke-width:3;fill:none}\
         .warning{stroke:#e08a00;stroke-width:3;fill:none}",
    );
    light.push_str(&format!(
        ".wire.passes{{stroke:{GRADIENT};stroke-width:2.2}}.wire.ends{{stroke-width:1.2}}\
         .wire.absent{{stroke-width:1;stroke-dasharray:3 4;stroke:#9aa3af}}\
         .back,.learns{{fill:{GRADIENT}}}.bar{{stroke:{GRADIENT};stroke-width:2.6;fill:none}}\
         .fixed{{fill:none;stroke:#7c8795;stroke-width:1.4}}"
    ));
    for category in Category::ALL {
        let (fill, _) = colour(category);
        light.push_str(&format!(".c-{}{{fill:{fill}}}", class(category)));
    }
    let dark = ".box{fill:#20252c;stroke:#4a5360}.end{stroke:#b0457f}.detail{fill:#b4bcc8}.quiet{fill:#8d97a5}\
         .wire,.wire.label-role{stroke:#7d8896}.head,.head.label-role{fill:#7d8896}.blob{fill:#9aa4b2}\
         .pill{fill:#2a3038;stroke:#4a5360}.cluster{fill:#1a1e24;stroke:#2d343d}\
         .cluster-title{fill:#8d97a5}.chip{fill:#2a3038}.on-dark{fill:#ffffff}.on-light{fill:#1c2027}\
         .wire.passes,.bar{stroke:#56b4e9}.back,.learns{fill:#56b4e9}.wire.absent{stroke:#5d6673}.fixed{stroke:#8d97a5}"
        .to_string();
    (light, dark)
}

/// The name of a category in class attributes.
pub fn class(category: Category) -> &'static str {
    match category {
        Category::Dense => "dense",
        Category::Shape => "shape",
        other => other.label(),
    }
}
