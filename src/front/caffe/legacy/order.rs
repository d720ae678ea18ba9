//! Puts the fields of messages into the order of Caffe 1.0's field numbers, the order in which Caffe's own
//! tools write them.

use crate::front::caffe::schema;
use crate::front::caffe::tree::{Message, ValueKind};

/// Sorts the fields of a message that a field called `name` holds, and of those within it. A whole file is
/// a `net` or a `solver`. Fields that Caffe does not have come last, as they were written.
pub fn sort(message: &mut Message, name: &str) {
    let name = match name {
        "train_net_param" | "test_net_param" | "net_param" => "net",
        "train_state" | "test_state" => "state",
        "weight_filler" | "bias_filler" | "data_filler" => "filler",
        _ => name,
    };
    let rank = |field: &str| schema::names(name).position(|known| known == field);
    message.fields.sort_by_key(|field| rank(&field.name.value).unwrap_or(usize::MAX));
    sort_inner(message);
}

/// Sorts the messages within a message, but not its own fields.
pub fn sort_inner(message: &mut Message) {
    for field in &mut message.fields {
        match &mut field.value.kind {
            ValueKind::Message(inner) => sort(inner, &field.name.value),
            ValueKind::List(values) => {
                for value in values {
                    if let ValueKind::Message(inner) = &mut value.kind {
                        sort(inner, &field.name.value);
                    }
                }
            }
            _ => {}
        }
    }
}
