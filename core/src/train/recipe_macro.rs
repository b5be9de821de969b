//! One list of fields, and all that is made of it.

/// Declares a recipe and its command-line flags from one list, so that a flag, a TOML key and a tooltip cannot disagree.
/// A field reads `[clap settings] name: type = default`; under `unset` the default is "not given" (`Option`). Flags that are
/// no fields stand before the list.
macro_rules! recipe {
    (
        $(#[doc = $recipe_doc:literal])+ recipe $recipe:ident;
        $(#[doc = $args_doc:literal])+ flags $args:ident {
            $($(#[$extra_meta:meta])+ $extra:ident: $extra_type:ty,)*
        }
        set { $($(#[doc = $doc:literal])+ [$($arg:tt)*] $name:ident: $type:ty = $default:expr,)+ }
        unset { $($(#[doc = $odoc:literal])+ [$($oarg:tt)*] $oname:ident: $otype:ty,)+ }
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

            /// The value of every field as in TOML, in the order of [`FIELDS`](Self::FIELDS); none for those unset.
            #[must_use]
            pub fn values(&self) -> Vec<(&'static str, Option<String>)> {
                // A struct of numbers, strings and options always has a TOML form.
                let table = toml::Table::try_from(self).unwrap_or_default();
                Self::FIELDS.iter().map(|(name, _)| (*name, table.get(*name).map(ToString::to_string))).collect()
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
        }
    };
}

pub(crate) use recipe;
