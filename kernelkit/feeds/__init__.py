"""Feeds: every data source becomes chunks of batches on the device.

====================  ==============================================================================================
`make`                a feed from the data arguments of `fit`, `evaluate` and `predict`
`feed`                the protocol: :class:`~kernelkit.feeds.feed.Feed` and :class:`~kernelkit.feeds.feed.Chunk`
`arrays`              arrays in memory; `rows`, `file_rows`, `sparse_rows` copy their rows
`streams`             iterables of batches; `py_dataset` batches by number; `row_batches` arrays prepared batch by batch
`convert`, `check`    data of other libraries as arrays, and a check of their lengths
`ahead`, `parallel`   threads and processes that prepare the next elements
====================  ==============================================================================================
"""
