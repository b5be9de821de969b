//! One list of fields, and all that is made of it.

/// Declares a recipe and its command-line flags from one list, so that a flag, a TOML key and a tooltip cannot disagree.
/// A field reads `[clap settings] name: type = default`; under `unset` the default is "not given" (`Option`). `free` before it
/// marks what may change in a run that is resumed: it decides what is done at once, what is written and when training ends,
/// not what is learnt. Flags that are no fields stand before the list; one of them is `recipe`, the file to start from. The
/// command's help is where its fields can be looked up.
macro_rules! recipe {
    (@free $name:ident) => { stringify!($name) };
    (
        $(#[doc = $recipe_doc:literal])+ recipe $recipe:ident of $command:literal;
        $(#[doc = $args_doc:literal])+ flags $args:ident {
            $($(#[$extra_meta:meta])+ $extra:ident: $extra_type:ty,)*
        }
        set { $($(#[doc = $doc:literal])+ $($free:ident)? [$($arg:tt)*] $name:ident: $type:ty = $default:expr,)+ }
        unset { $($(#[doc = $odoc:literal])+ $($ofree:ident)? [$($oarg:tt)*] $oname:ident: $otype:ty,)+ }
    ) => {
        $(#[doc = $recipe_doc])+
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $recipe {
            $($(#[doc = $doc])+ pub $name: $type,)+
            $($(#[doc = $odoc])+ #[serde(skip_serializing_if = "Option::is_none")] pub $oname: Option<$otype>,)+
        }

        impl Default for $recipe {
            fn default() -> Self {
                Self { $($name: $default,)+ $($oname: None,)+ }
            }
        }

        impl $recipe {
            /// Name and documentation of every field, in order.
            pub const FIELDS: &'static [(&'static str, &'static str)] = &[
                $((stringify!($name), concat!($($doc, "\n"),+)),)+
                $((stringify!($oname), concat!($($odoc, "\n"),+)),)+
            ];

            /// The fields that may change in a run that is resumed.
            pub const MAY_CHANGE: &'static [&'static str] = &[
                $($(recipe!(@$free $name),)?)+
                $($(recipe!(@$ofree $oname),)?)+
            ];

            /// The value of every field as in TOML, in the order of [`FIELDS`](Self::FIELDS); none for those unset.
            #[must_use]
            pub fn values(&self) -> Vec<(&'static str, Option<String>)> {
                // A struct of numbers, strings and options always has a TOML form.
                let table = toml::Table::try_from(self).unwrap_or_default();
                Self::FIELDS.iter().map(|(name, _)| (*name, table.get(*name).map(ToString::to_string))).collect()
            }

            /// Reads a recipe from a file; missing fields take their defaults, unknown ones are an error.
            ///
            /// # Errors
            /// If the file cannot be read or holds anything but a recipe.
            pub fn from_path(path: &std::path::Path) -> Result<Self, $crate::train::RecipeError> {
                let name = path.display().to_string();
                let text = std::fs::read_to_string(path)
                    .map_err(|source| $crate::train::RecipeError::Read { path: name.clone(), source })?;
                Self::from_toml(&text, &name)
            }

            /// Parses a recipe; `source` names it in errors.
            ///
            /// # Errors
            /// If a name is unknown or a value has the wrong type.
            pub fn from_toml(text: &str, source: &str) -> Result<Self, $crate::train::RecipeError> {
                $crate::train::recipe_text::parse(text, source, $command)
            }

            /// The text of a `recipe.toml`: every field with its documentation, unset ones as comments.
            #[must_use]
            pub fn to_toml(&self) -> String {
                $crate::train::recipe_text::written(self, Self::FIELDS)
            }

            /// All fields in which this recipe and another differ.
            #[must_use]
            pub fn differences(&self, other: &Self) -> Vec<$crate::train::Difference> {
                $crate::train::Difference::between(self.values(), other.values())
            }

            /// Checks every field, alone and against the model.
            ///
            /// # Errors
            /// Names the first field that is out of bounds, what is allowed and what to do.
            pub fn validate(
                &self,
                config: &$crate::config::BertConfig,
            ) -> Result<(), $crate::train::RecipeError> {
                self.field_errors(config).into_iter().next().map_or(Ok(()), |error| Err(error.into()))
            }
        }

        $(#[doc = $args_doc])+
        #[derive(Clone, Debug, Default, PartialEq, clap::Args)]
        #[command(next_help_heading = "Recipe")]
        pub struct $args {
            $($(#[$extra_meta])+ pub $extra: $extra_type,)*
            $($(#[doc = $doc])+ #[arg(long, alias = stringify!($name), $($arg)*)] pub $name: Option<$type>,)+
            $($(#[doc = $odoc])+ #[arg(long, alias = stringify!($oname), $($oarg)*)] pub $oname: Option<$otype>,)+
        }

        impl $args {
            /// `base` with the given flags put over it.
            #[must_use]
            pub fn apply(&self, mut base: $recipe) -> $recipe {
                $(if let Some(value) = &self.$name { base.$name = value.clone(); })+
                $(if self.$oname.is_some() { base.$oname = self.$oname.clone(); })+
                base
            }

            /// The recipe these flags ask for: the file's, or `base` without one, with the flags put over it.
            ///
            /// # Errors
            /// If the recipe file cannot be read.
            pub fn resolve_over(&self, base: $recipe) -> Result<$recipe, $crate::train::RecipeError> {
                let base = self.recipe.as_deref().map_or(Ok(base), $recipe::from_path)?;
                Ok(self.apply(base))
            }
        }
    };
}

pub(crate) use recipe;
