"""Objects to configs (plain JSON) and back, through a registry: a config never causes an import.

Each package (`layers`, `losses`, ...) calls :func:`register_namespace` once. After that its public objects can be
saved, loaded and named by a string. The user's classes are found through :func:`register_keras_serializable` or
``custom_objects``.

A subclass of :class:`Configurable` needs no ``get_config``: its config follows from the signature of ``__init__``.

- `registry`: names to classes and functions;
- `trust`: limits for configs from strangers;
- `objects`: objects to configs, and configs to objects;
- `arguments`: the constructor's arguments of an object;
- `configurable`: configs from a signature;
- `attributes`: the attributes that hold an object's parts, for weights files;
- `alone`: configs without files beside them;
- `config_text`: configs as JSON texts from strangers;
- `shown`: the constructor's arguments of an object, as text.
"""

from kernelkit.budget import claim_memory, claim_objects
from kernelkit.serialize.alone import is_copy, standing_alone, stands_alone
from kernelkit.serialize.arguments import derived_arguments, derives
from kernelkit.serialize.attributes import saved_attributes
from kernelkit.serialize.config_text import parse as parse_config
from kernelkit.serialize.configurable import Configurable
from kernelkit.serialize.objects import (
    NoSuchConfig,
    deserialize_keras_object,
    deserialize_values,
    get,
    serialize_keras_object,
    serialize_value,
    sharing,
)
from kernelkit.serialize.registry import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    lookup,
    public_module,
    register_keras_serializable,
    register_namespace,
    register_namespace_later,
    suggest,
    table,
    takes_targets,
)
from kernelkit.serialize.shown import call_text, shown_arguments, shown_texts, value_text
from kernelkit.serialize.trust import in_safe_mode, loading
