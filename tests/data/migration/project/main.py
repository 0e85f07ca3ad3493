"""Run every part of the project, and store what it returns."""

import sys
from pathlib import Path

import numpy as np
from lab import (
    annotated,
    by_attribute,
    by_dots,
    by_name,
    configured,
    constants,
    deferred,
    flags,
    formats,
    from_parameters,
    grouped,
    lookalikes,
    mixed,
    optional,
    reporting,
    scan,
    settings,
    shifted,
)

settings.prepare()
image, coords, means, relative = scan.make()
results = {
    "annotated": annotated.cut(image, means, relative, constants.SIZE),
    "attribute": by_attribute.cut(image, coords),
    "dots": by_dots.cut(image, means, relative),
    "name": by_name.cut(image, means, relative),
    "configured": configured.sizes(),
    "deferred": deferred.cut(image, coords),
    "flags": flags.cut_without_batches(image, means, relative),
    "formats": formats.there_and_back(image),
    "parameters": from_parameters.cut(image, means, relative),
    "grouped": grouped.cut(image),
    "lookalikes": lookalikes.cut(image),
    "mixed": mixed.cut(image, coords),
    "optional": optional.cut(image, means, relative),
    "shifted": shifted.shift(image),
}
print(reporting.summary(results))
np.savez(Path(sys.argv[1]), **{name: np.asarray(value) for name, value in results.items()})
