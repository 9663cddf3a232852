//! Descriptions of types for the API's document, where a type is written otherwise than it is built.

/// Describes a type as that which it is written as.
macro_rules! written_as {
    ($name:ident, $written:ty, $description:literal) => {
        #[cfg(feature = "schema")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                let mut schema = <$written as utoipa::PartialSchema>::schema();
                if let utoipa::openapi::RefOr::T(utoipa::openapi::Schema::Object(object)) = &mut schema {
                    object.description = Some($description.into());
                }
                schema
            }
        }

        #[cfg(feature = "schema")]
        impl utoipa::ToSchema for $name {
            fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
                <$written as utoipa::ToSchema>::schemas(schemas);
            }
        }
    };
}

pub(crate) use written_as;
