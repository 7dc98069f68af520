export {
  type ExpectedEdge,
  type ExpectedTcp,
  expectedServiceEdges,
  expectedWorkloadEdges,
} from "./expected-traffic.ts";
export {
  readShopFile,
  type ShopFile,
  type ShopProtocol,
  type ShopVersion,
  type ShopWorkload,
  shopWorkloads,
} from "./shop-file.ts";
