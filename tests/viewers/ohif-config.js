window.config = {
  routerBasename: "/",
  extensions: [],
  modes: [],
  showStudyList: false,
  showWarningMessageForCrossOrigin: false,
  investigationalUseDialog: { option: "never" },
  defaultDataSourceName: "dicomweb",
  dataSources: [
    {
      namespace: "@ohif/extension-default.dataSourcesModule.dicomweb",
      sourceName: "dicomweb",
      configuration: {
        friendlyName: "what is tested",
        name: "tested",
        qidoRoot: `${window.location.origin}/dicom-web`,
        wadoRoot: `${window.location.origin}/dicom-web`,
        imageRendering: "wadors",
        thumbnailRendering: "wadors",
        enableStudyLazyLoad: true,
        supportsFuzzyMatching: false,
        supportsWildcard: true,
        bulkDataURI: { enabled: true },
      },
    },
  ],
}
