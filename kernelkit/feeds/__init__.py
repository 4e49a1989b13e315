"""Data on their way into a training: every source is made into chunks of batches on the device.

====================  ==============================================================================================
`make`                what `fit`, `evaluate` and `predict` accept, made into a feed
`feed`                the protocol: :class:`~kernelkit.feeds.feed.Feed` and :class:`~kernelkit.feeds.feed.Chunk`
`arrays`              arrays in memory; `rows`, `file_rows`, `sparse_rows` know how rows are copied
`streams`             iterables of batches; `py_dataset` batches by number; `row_batches` arrays prepared batch by batch
`convert`, `check`    data of other libraries as arrays, and whether they fit together
`ahead`, `parallel`   threads and processes that prepare what comes next
====================  ==============================================================================================
"""
