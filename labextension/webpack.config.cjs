// Numbers of modules that do not depend on where the checkout lies: the same sources give the same files everywhere.
module.exports = { optimization: { moduleIds: "natural", chunkIds: "natural" } };
