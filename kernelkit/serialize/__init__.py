"""Objects to configs (plain JSON) and back, by registry alone: a config never causes an import.

Built-in objects are found in the namespaces that hold them: :func:`register_namespace` is called once by each package
(`layers`, `losses`, ...), so what a package exports can be saved, loaded and named by a string. Classes of the user are
found through :func:`register_keras_serializable` or ``custom_objects``.

A class made with :class:`Configurable` needs no ``get_config``: its config is read off the signature of ``__init__``.

- `registry`: names to classes and functions;
- `trust`: what a config that somebody else wrote may not do;
- `objects`: the two directions;
- `arguments`: what an object was made with, found again;
- `configurable`: configs read off a signature;
- `attributes`: where an object's parts are, for files of weights;
- `alone`: configs without files beside them;
- `config_text`: configs as texts from anybody;
- `shown`: the arguments that made an object, as text.
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
